/** Sites that are configured only with IDs, keys and subnets call, and erouted rekeys by itself. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  DEFAULT_SITES,
  type DefaultPeer,
  defaultRow,
  expectNoLossWhile,
  refusalsOf,
} from "./defaults.ts";
import { untilReplaced } from "./new-keys.ts";
import { pingBothWays, type Scenario, startScenario } from "./scenario.ts";

let scenario: Scenario;
const peers: DefaultPeer[] = [];

beforeAll(async () => {
  scenario = await startScenario({
    sites: DEFAULT_SITES.map(({ number }) => defaultRow(number)),
    eroute: 'lifetime = "12s"\nike_lifetime = "25s"',
  });
});

afterAll(async () => {
  for (const peer of peers) await peer.stop();
  await scenario?.erouted.stop();
});

for (const { software, number, start } of DEFAULT_SITES) {
  test(`R5: ${software} with its defaults calls, and erouted rekeys without loss`, async () => {
    const site = await scenario.laboratory.addSite(number);
    const peer = await start(site, "calls");
    peers.push(peer);
    const withLogs = async (error: unknown): Promise<never> => {
      const logs = `${software}:\n${await peer.log()}\nerouted:\n${await scenario.erouted.log()}`;
      throw new Error(logs, { cause: error });
    };
    if (!(await peer.initiate())) await withLogs("it does not come up");
    await pingBothWays(scenario, site);
    await expectNoLossWhile(scenario, site, async () => {
      await untilReplaced(scenario, site, "child", 2).catch(withLogs);
      await untilReplaced(scenario, site, "ike").catch(withLogs);
      await untilReplaced(scenario, site, "child").catch(withLogs);
    });
    expect(await refusalsOf(scenario, number)).toEqual([]);
  });
}
