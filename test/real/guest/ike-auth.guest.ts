/** IKE_AUTH in its other forms: without a Child SA (RFC 6023), for an inner address (§2.19). */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { erouteViews, expectKernelAsStatusSays } from "./agreement.ts";
import { until } from "./hosts.ts";
import { OFFICE } from "./laboratory.ts";
import {
  bringUp,
  pingBothWays,
  pskOf,
  rowOf,
  type Scenario,
  startScenario,
  startSite,
} from "./scenario.ts";
import { ping } from "./wire.ts";

const VIRTUAL_IP = "192.168.200.7";

let scenario: Scenario;

beforeAll(async () => {
  const machine = { peerid: "site-2", password: pskOf(2), remip: `${VIRTUAL_IP}/32` };
  scenario = await startScenario({
    sites: [rowOf(1), machine, rowOf(3)],
    eroute: 'dns = ["10.0.0.53"]',
  });
});

afterAll(async () => {
  expect(await scenario?.erouted.stop()).toBe(0);
});

test("RFC 6023: strongSwan learns that it may connect without a Child SA, and does", async () => {
  const site = await scenario.laboratory.addSite(1);
  const swan = await startSite(site, { connection: "childless = force" });
  expect(await swan.initiateIke()).toBe(true);
  expect(await swan.log()).toContain("CHDLESS_SUP");
  const [eroute] = await erouteViews(scenario);
  expect(eroute).toMatchObject({ peer_id: "site-1", state: "established", child_sas: [] });
  await bringUp(scenario, swan);
  await pingBothWays(scenario, site);
  await expectKernelAsStatusSays(scenario);
  await swan.terminate();
  await until("the eroute has gone", async () => (await erouteViews(scenario)).length === 0);
  // One IKE SA served both: what strongSwan requested in the end came by CREATE_CHILD_SA.
  const made = (await scenario.erouted.log()).match(/dynamic eroute fleet\/site-1 from/g);
  expect(made?.length).toBe(1);
  await swan.stop();
});

test("§2.19: a machine in the field gets its row's address from us", async () => {
  const site = await scenario.laboratory.addSite(2);
  const swan = await startSite(site, {
    connection: "vips = 0.0.0.0",
    localSubnet: "dynamic",
    remoteSubnet: "0.0.0.0/0",
  });
  await bringUp(scenario, swan);
  expect(await swan.log()).toContain(`installing new virtual IP ${VIRTUAL_IP}`);
  expect(await swan.log()).toContain("CPRP(ADDR DNS SUBNET)");
  const [eroute] = await erouteViews(scenario);
  expect(eroute?.child_sas).toMatchObject([
    { local_subnets: ["10.0.0.0/16"], remote_subnets: [`${VIRTUAL_IP}/32`] },
  ]);
  const there = await ping(site.host, OFFICE.v4, { from: VIRTUAL_IP });
  const back = await ping(scenario.laboratory.office, VIRTUAL_IP);
  expect({ there, back }).toEqual({
    there: { sent: 3, received: 3 },
    back: { sent: 3, received: 3 },
  });
  await swan.terminate();
  await swan.stop();
});

test("§3.15.4: a site with a subnet is refused a virtual IP, and why", async () => {
  const site = await scenario.laboratory.addSite(3);
  const swan = await startSite(site, { connection: "vips = 0.0.0.0", localSubnet: "dynamic" });
  expect(await swan.initiate(5)).toBe(false);
  expect(await swan.log()).toContain("INTERNAL_ADDRESS_FAILURE");
  const why = await scenario.erouted.command("why", "site-3");
  expect(why.out).toContain("write the one address that it is to have into its row");
  await swan.stop();
});
