/**
 * Concentrator and site call each other at the same moment, over a path with long delay, again and
 * again.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { patient } from "../../patience.ts";
import { expectKernelAsStatusSays, ikeSaCount } from "./agreement.ts";
import { must, until } from "./hosts.ts";
import type { Site } from "./laboratory.ts";
import { pingBothWays, rowOf, type Scenario, startScenario, startSite } from "./scenario.ts";
import type { StrongSwan } from "./strongswan.ts";
import { xfrmStates } from "./xfrm-states.ts";

const ROUNDS = 6;
/** The site calls later in each round: in some round it is at the same moment. */
const STEP_MS = 300;
/** An IKE SA that its initiator should delete and does not is deleted by us 30 s later. */
const SETTLE_MS_MAX = patient(45_000);
/** Delay in each direction: the called end has called long before the other call arrives. */
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
  const name = `R5 R12: both call at once, round ${round}: the tunnel is up, and only once`;
  test(name, async () => await bothCall(round), 2 * SETTLE_MS_MAX);
}

test("in some of the rounds both have called", async () => {
  const log = await swan.log();
  const bySite = log.match(/ initiating IKE_SA net\[/g)?.length ?? 0;
  const byUs = log.match(/ is initiating an IKE_SA/g)?.length ?? 0;
  console.log(JSON.stringify({ bySite, byUs }));
  expect(bySite + byUs).toBeGreaterThan(ROUNDS);
});

async function bothCall(round: number): Promise<void> {
  const calls = async () => (await scenario.erouted.log()).split(" calling: ").length;
  const before = await calls();
  const erouted = scenario.erouted.command("connect", "site-1", "--wait");
  await until("erouted calls", async () => (await calls()) > before);
  await Promise.all([
    erouted,
    Bun.sleep((round - 1) * STEP_MS).then(async () => await swan.initiate()),
  ]);
  const isOne = async () =>
    (await ikeSaCount(scenario)) === 1 &&
    (await swan.ikeSpis()).length === 1 &&
    (await swan.childSas()) === 1;
  await until("one IKE SA and one Child SA at both ends", isOne, SETTLE_MS_MAX).catch(fail);
  await pingBothWays(scenario, site);
  await expectKernelAsStatusSays(scenario);
  await swan.terminate();
  const isNone = async () =>
    (await ikeSaCount(scenario)) === 0 && (await xfrmStates(site.host)).length === 0;
  await until("nothing is left at either end", isNone);
}

async function fail(cause: unknown): Promise<never> {
  const seen = [JSON.stringify(await swan.sas()), await scenario.erouted.get("/api/v1/eroutes")];
  const logs = [await swan.log(), `erouted:\n${await scenario.erouted.log()}`];
  throw new Error([...seen, ...logs].join("\n"), { cause });
}
