/** Paths to the concentrator: behind NAT, ESP in UDP without one, IPv6 outside and inside. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { CONCENTRATOR } from "./laboratory.ts";
import {
  bringUp,
  pingBothWays,
  rowOf,
  type Scenario,
  startScenario,
  startSite,
} from "./scenario.ts";
import { capture } from "./wire.ts";
import { xfrmStates } from "./xfrm-states.ts";

let scenario: Scenario;

const IPV6 = `
[[eroute]]
name = "fleet6"
egroup = "sites"
peerid = "six-*"
ourid = "concentrator.example"
local_subnet = "fd00:10::/64"
remote_subnet = "fd00:192:168::/48"
`;

beforeAll(async () => {
  const six = { peerid: "six-3", password: "key of site 3", remip: "fd00:192:168:3::/64" };
  scenario = await startScenario({ sites: [rowOf(1), rowOf(2), six], more: IPV6 });
});

afterAll(async () => {
  await scenario?.erouted.stop();
});

test("a site behind NAT gets ESP in UDP through the router's port", async () => {
  const site = await scenario.laboratory.addSite(1, "behind-nat");
  const swan = await startSite(site);
  const wire = await capture(scenario.laboratory.internet, "br0");
  await bringUp(scenario, swan);
  await pingBothWays(scenario, site);
  expect(await wire.stop()).toMatchObject({ clearText: false, esp: 0 });
  const states = await xfrmStates(scenario.laboratory.concentrator);
  expect(states.map((state) => state.encapsulated)).toEqual([true, true]);
  await swan.terminate();
  await swan.stop();
});

test("a site that asks for ESP in UDP without a NAT gets it", async () => {
  const site = await scenario.laboratory.addSite(2);
  const swan = await startSite(site, { encap: true });
  await bringUp(scenario, swan);
  await pingBothWays(scenario, site);
  const states = await xfrmStates(scenario.laboratory.concentrator);
  expect(states.map((state) => state.encapsulated)).toEqual([true, true]);
  await swan.terminate();
  await swan.stop();
});

test("IPv6 outside and inside", async () => {
  const site = await scenario.laboratory.addSite(3);
  const swan = await startSite(site, {
    localId: "six-3",
    remoteAddress: CONCENTRATOR.v6,
    localSubnet: site.subnet.v6,
    remoteSubnet: "fd00:10::/64",
  });
  const wire = await capture(scenario.laboratory.internet, "br0");
  await bringUp(scenario, swan);
  await pingBothWays(scenario, site, "v6");
  expect(await wire.stop()).toMatchObject({ clearText: false, esp: 12 });
  await swan.terminate();
  await swan.stop();
});
