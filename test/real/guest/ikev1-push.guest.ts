/** Mode Config push: sites that wait for their address (IKEv1) are told it. */

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { erouteViews } from "./agreement.ts";
import { OFFICE, type Site } from "./laboratory.ts";
import { withNewKeys } from "./new-keys.ts";
import { bringUp, pskOf, type Scenario, startScenario, startSite } from "./scenario.ts";
import type { StrongSwan, StrongSwanSettings } from "./strongswan.ts";
import { ping } from "./wire.ts";

const VIRTUAL_IP = "192.168.200.7";
const WAITS = {
  version: 1,
  ike: "aes256-sha256-ecp256",
  esp: "aes256-sha256",
  connection: "vips = 0.0.0.0\npull = no",
  localSubnet: "dynamic",
} as const satisfies Partial<StrongSwanSettings>;

let scenario: Scenario;
let site: Site;
let swan: StrongSwan | undefined;

beforeAll(async () => {
  const machine = { peerid: "site-1", password: pskOf(1), remip: `${VIRTUAL_IP}/32` };
  scenario = await startScenario({
    sites: [machine],
    eroute: 'ike_version = "v1"\nmode_config = "push"\ndns = ["10.0.0.53"]',
  });
  site = await scenario.laboratory.addSite(1);
});

afterEach(async () => {
  await swan?.stop();
  swan = undefined;
});

afterAll(async () => {
  expect(await scenario?.erouted.stop()).toBe(0);
});

test("strongSwan in Aggressive Mode waits for its address, and gets it", async () => {
  swan = await startSite(site, { ...WAITS, aggressive: true });
  await bringUp(scenario, swan);
  expect(await swan.log()).toContain(`installing new virtual IP ${VIRTUAL_IP}`);
  const [eroute] = await erouteViews(scenario);
  expect(eroute?.child_sas).toMatchObject([{ remote_subnets: [`${VIRTUAL_IP}/32`] }]);
  await expectPings();
  expect(await scenario.erouted.log()).toContain(`inner-address: given ${VIRTUAL_IP}`);
});

test("its Phase 1 begins anew: it is told again, and no packet is lost", async () => {
  swan = await startSite(site, { ...WAITS, aggressive: true });
  await bringUp(scenario, swan);
  const options = { count: 40, intervalSeconds: 0.1, from: VIRTUAL_IP };
  const pings = ping(site.host, OFFICE.v4, options);
  await withNewKeys(scenario, site, "ike", swan.rekeyIke);
  expect(await pings).toEqual({ sent: 40, received: 40 });
  expect(await erouteViews(scenario)).toHaveLength(1);
});

test("strongSwan in Main Mode as well", async () => {
  const { v4 } = site.address;
  await scenario.erouted.sql("update eroutes set peerip = ? where peerid = 'site-1'", v4);
  swan = await startSite(site, WAITS);
  await bringUp(scenario, swan);
  await expectPings();
});

test("a site that asks all the same gets its answer", async () => {
  swan = await startSite(site, { ...WAITS, connection: "vips = 0.0.0.0" });
  await bringUp(scenario, swan);
  await expectPings();
});

async function expectPings(): Promise<void> {
  const there = await ping(site.host, OFFICE.v4, { from: VIRTUAL_IP });
  const back = await ping(scenario.laboratory.office, VIRTUAL_IP);
  const all = { sent: 3, received: 3 };
  expect({ there, back }).toEqual({ there: all, back: all });
}
