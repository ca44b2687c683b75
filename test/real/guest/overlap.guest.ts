/** Two sites with one subnet (R10), and two whose subnets nest: which site gets which packets. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { expectKernelAsStatusSays } from "./agreement.ts";
import { configure, until } from "./hosts.ts";
import { OFFICE, type Site } from "./laboratory.ts";
import {
  bringUp,
  dynamicPeerIds,
  pingBothWays,
  rowOf,
  type Scenario,
  startScenario,
  startSite,
} from "./scenario.ts";
import type { StrongSwan } from "./strongswan.ts";
import { ping } from "./wire.ts";

const SHARED = { remip: "192.168.1.0", remmsk: "255.255.255.0" };
/** An address of the second and third site inside the first one's subnet. */
const INNER = { second: "192.168.1.2", third: "192.168.1.129" };
const NESTED = "192.168.1.128/25";

let scenario: Scenario;
let first: Site;
let second: Site;
let third: Site;
let firstSwan: StrongSwan;
let secondSwan: StrongSwan;
let thirdSwan: StrongSwan;

beforeAll(async () => {
  const inside = { remip: "192.168.1.128", remmsk: "255.255.255.128" };
  const sites = [rowOf(1), { ...rowOf(2), ...SHARED }, { ...rowOf(3), ...inside }];
  scenario = await startScenario({ sites });
  const { laboratory } = scenario;
  first = await laboratory.addSite(1);
  second = await laboratory.addSite(2);
  await configure(second.host, [`addr add ${INNER.second}/32 dev lo`]);
  firstSwan = await startSite(first);
});

afterAll(async () => {
  for (const swan of [firstSwan, secondSwan, thirdSwan]) await swan?.stop();
  await scenario?.erouted.stop();
});

test("R10: the second site is refused with the reason, the first one pings on", async () => {
  await bringUp(scenario, firstSwan);
  await pingBothWays(scenario, first);
  const before = await firstSwan.ikeSpis();
  secondSwan = await startSite(second, { localSubnet: first.subnet.v4 });
  expect(await secondSwan.initiate(5)).toBe(false);
  expect(await secondSwan.log()).toContain("AUTHENTICATION_FAILED");
  await pingBothWays(scenario, first);
  expect(await firstSwan.ikeSpis()).toEqual(before);
  expect(await dynamicPeerIds(scenario)).toEqual(["site-1"]);
  const why = await scenario.erouted.get("/api/v1/peers/site-2/explain");
  expect(why).toContain("another connected site has its subnet");
  expect(why).toContain("site-2 has the subnet 192.168.1.0/24, and so has site-1");
  expect(await scenario.erouted.log()).toContain("subnet-in-use");
  await expectKernelAsStatusSays(scenario);
});

test("R10: of nested subnets the longest prefix wins, and both ping", async () => {
  third = await scenario.laboratory.addSite(3);
  await configure(third.host, [`addr add ${INNER.third}/32 dev lo`]);
  thirdSwan = await startSite(third, { localSubnet: NESTED });
  await bringUp(scenario, thirdSwan);
  await pingBothWays(scenario, first);
  await pingFrom(third, INNER.third);
  await pingBothWays(scenario, first);
  expect(await dynamicPeerIds(scenario)).toEqual(["site-1", "site-3"]);
  await expectKernelAsStatusSays(scenario);
});

test('R10: overlap = "replace": the second takes over and pings, the first is closed', async () => {
  await scenario.erouted.configure((text) => `${text.trimEnd()}\noverlap = "replace"\n`);
  process.kill(scenario.erouted.pid, "SIGHUP");
  await until("the file is read", async () => {
    return (await scenario.erouted.log()).includes("is in force");
  });
  await bringUp(scenario, secondSwan);
  await until("the first is told", async () => (await firstSwan.ikeSpis()).length === 0);
  await pingFrom(second, INNER.second);
  await pingFrom(third, INNER.third);
  expect(await dynamicPeerIds(scenario)).toEqual(["site-2", "site-3"]);
  expect(await scenario.erouted.log()).toContain("subnet-taken-over");
  await expectKernelAsStatusSays(scenario);
});

/** From the site to the office and back. */
async function pingFrom(site: Site, inner: string): Promise<void> {
  const there = await ping(site.host, OFFICE.v4, { from: inner });
  const back = await ping(scenario.laboratory.office, inner);
  expect([there, back]).toEqual([
    { sent: 3, received: 3 },
    { sent: 3, received: 3 },
  ]);
}
