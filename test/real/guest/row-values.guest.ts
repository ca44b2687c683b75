/** A row with several subnets and values of its own, taken from the table to the kernel. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { patient } from "../../patience.ts";
import { eventsOf } from "./events.ts";
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
import { xfrmPolicies, xfrmStates } from "./xfrm-states.ts";

/** The second subnet of site 1, and its address there. */
const SECOND_SUBNET = "192.168.101.0/24";
const SECOND_INNER = "192.168.101.1";

let scenario: Scenario;
let site: Site;
let swan: StrongSwan;

beforeAll(async () => {
  const row = { ...rowOf(1), remip: `192.168.1.0 ${SECOND_SUBNET}` };
  scenario = await startScenario({ egroup: 'poll_interval = "1s"', sites: [row] });
  await scenario.erouted.sql("UPDATE eroutes SET locip = '10.0.0.0/24', lifetime = '10s'");
  site = await scenario.laboratory.addSite(1);
  await configure(site.host, [`addr add ${SECOND_INNER}/24 dev lo`]);
  swan = await startSite(site, { localSubnet: `${site.subnet.v4},${SECOND_SUBNET}` });
  await bringUp(scenario, swan);
}, patient(120_000));

afterAll(async () => {
  await swan?.stop();
  expect(await scenario.erouted.stop()).toBe(0);
});

test("R10: both subnets of the row carry pings, to the part of ours that it names", async () => {
  await pingBothWays(scenario, site);
  const there = await ping(site.host, OFFICE.v4, { from: SECOND_INNER });
  const back = await ping(scenario.laboratory.office, SECOND_INNER);
  expect([there.received, back.received]).toEqual([3, 3]);
  const policies = await xfrmPolicies(scenario.laboratory.concentrator);
  const out = policies.filter(({ dir }) => dir === "out").map(({ src, dst }) => `${src} ${dst}`);
  expect(out).toContain(`10.0.0.0/24 ${site.subnet.v4}`);
  expect(out).toContain(`10.0.0.0/24 ${SECOND_SUBNET}`);
});

test("the lifetime of the row, not the base eroute's hour: rekeyed within 10 s", async () => {
  const before = new Set(await spis());
  await until("all keys are new", async () => {
    const now = await spis();
    return now.length > 0 && now.every((spi) => !before.has(spi));
  });
  await pingBothWays(scenario, site);
});

test("another lifetime in the row closes nothing", async () => {
  await scenario.erouted.sql("UPDATE eroutes SET lifetime = '1h'");
  await until("the change is told", async () => {
    const events = await eventsOf(scenario.erouted, "site-1");
    return events.some(({ reason }) => reason === "row-changed");
  });
  expect(await dynamicPeerIds(scenario)).toEqual(["site-1"]);
  await pingBothWays(scenario, site);
});

test("a disabled row closes its site, and refuses it until it is enabled", async () => {
  await scenario.erouted.sql("UPDATE eroutes SET disabled = 1");
  await until("the site is closed", async () => (await dynamicPeerIds(scenario)).length === 0);
  await until("the site has been notified", async () => (await swan.ikeSpis()).length === 0);
  expect(await swan.initiate(8)).toBe(false);
  const reasons = (await eventsOf(scenario.erouted, "site-1")).map(({ reason }) => reason);
  expect(reasons.filter((reason) => reason === "row-disabled").length).toBeGreaterThan(1);
  await scenario.erouted.sql("UPDATE eroutes SET disabled = 0");
  await bringUp(scenario, swan);
  await pingBothWays(scenario, site);
});

async function spis(): Promise<number[]> {
  return (await xfrmStates(scenario.laboratory.concentrator)).map(({ spi }) => spi);
}
