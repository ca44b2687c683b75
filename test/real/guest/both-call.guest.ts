/** Concentrator and site call each other at the same moment, on a long way, again and again. */

import { afterAll, beforeAll, test } from "bun:test";
import { expectKernelAsStatusSays, ikeSaCount } from "./agreement.ts";
import { must, until } from "./hosts.ts";
import type { Site } from "./laboratory.ts";
import { pingBothWays, rowOf, type Scenario, startScenario, startSite } from "./scenario.ts";
import type { StrongSwan } from "./strongswan.ts";
import { xfrmStates } from "./xfrm-states.ts";

const ROUNDS = 4;
/** Each way: who is called has called long before it hears of it. */
const DELAY_MS = 150;

let scenario: Scenario;
let site: Site;
let swan: StrongSwan;

beforeAll(async () => {
  scenario = await startScenario({
    sites: [{ ...rowOf(1), peerip: "192.0.2.11" }],
    status: 'operate_token_file = "/run/erouted/operate.token"',
    files: { "operate.token": "an-operators-token" },
  });
  site = await scenario.laboratory.addSite(1);
  for (const host of [site.host, scenario.laboratory.concentrator]) {
    await must(host, `tc qdisc add dev wan root netem delay ${DELAY_MS}ms`.split(" "));
  }
  swan = await startSite(site, { connection: "unique = replace" });
});

afterAll(async () => {
  await swan?.stop();
  await scenario?.erouted.stop();
});

for (let round = 1; round <= ROUNDS; round++) {
  test(`R5 R12: both call at once, round ${round}: the tunnel is up, and only once`, async () => {
    const calls = [
      scenario.erouted.command("connect", "site-1", "--wait"),
      // swanctl is slower to start than our command, or faster: each round is another case.
      Bun.sleep(round * 150).then(async () => await swan.initiate()),
    ];
    await Promise.all(calls);
    const isOne = async () =>
      (await ikeSaCount(scenario)) === 1 &&
      (await swan.ikeSpis()).length === 1 &&
      (await swan.childSas()) === 1;
    await until("one IKE SA and one Child SA at both ends", isOne).catch(fail);
    await pingBothWays(scenario, site);
    await expectKernelAsStatusSays(scenario);
    await swan.terminate();
    const isNone = async () =>
      (await ikeSaCount(scenario)) === 0 && (await xfrmStates(site.host)).length === 0;
    await until("nothing is left at either end", isNone);
  });
}

async function fail(cause: unknown): Promise<never> {
  const seen = [await swan.sas(), await scenario.erouted.get("/api/v1/eroutes")];
  const logs = [await swan.log(), `erouted:\n${await scenario.erouted.log()}`];
  throw new Error([...seen, ...logs].join("\n"), { cause });
}
