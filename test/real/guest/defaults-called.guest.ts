/**
 * Sites that are configured only with IDs, keys and subnets are called; both ends rekey by
 * themselves.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { patient } from "../../patience.ts";
import {
  DEFAULT_SITES,
  type DefaultPeer,
  defaultRow,
  expectNoLossWhile,
  refusalsOf,
} from "./defaults.ts";
import { until } from "./hosts.ts";
import { erouteOf, untilReplaced, withNewKeys } from "./new-keys.ts";
import { type Scenario, startScenario } from "./scenario.ts";
import { isAnswered } from "./wire.ts";

let scenario: Scenario;
const peers: DefaultPeer[] = [];

beforeAll(async () => {
  scenario = await startScenario({
    sites: DEFAULT_SITES.map(({ number }) => defaultRow(number, true)),
    egroup: 'remote_mask = "255.255.255.0"',
    eroute: 'lifetime = "15s"\nike_lifetime = "30s"',
  });
});

afterAll(async () => {
  for (const peer of peers) await peer.stop();
  await scenario?.erouted.stop();
});

for (const { software, number, start } of DEFAULT_SITES) {
  test(`R5 R12: ${software} with its defaults is called, both ends rekey`, async () => {
    const site = await scenario.laboratory.addSite(number);
    const peer = await start(site, "called");
    peers.push(peer);
    const withLogs = async (error: unknown): Promise<never> => {
      const logs = `${software}:\n${await peer.log()}\nerouted:\n${await scenario.erouted.log()}`;
      throw new Error(logs, { cause: error });
    };
    const isUp = () => isAnswered(scenario.laboratory.office, site.inner.v4);
    await until("the tunnel carries pings", isUp, patient(30_000)).catch(withLogs);
    expect(await erouteOf(scenario, site)).toMatchObject({ ike_sa: { role: "initiator" } });
    await expectNoLossWhile(scenario, site, async () => {
      await untilReplaced(scenario, site, "child").catch(withLogs);
      await untilReplaced(scenario, site, "ike").catch(withLogs);
      await withNewKeys(scenario, site, "child", peer.rekeyChild).catch(withLogs);
      await withNewKeys(scenario, site, "ike", peer.rekeyIke).catch(withLogs);
      await untilReplaced(scenario, site, "child").catch(withLogs);
    });
    expect(await refusalsOf(scenario, number)).toEqual([]);
  });
}
