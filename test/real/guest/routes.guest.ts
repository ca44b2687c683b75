/**
 * An eroute with routes: on a host that has no other route, they come and go with its Child SAs.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { startErouted } from "./erouted.ts";
import { configure, must, run } from "./hosts.ts";
import { OFFICE, type Site } from "./laboratory.ts";
import { withNewKeys } from "./new-keys.ts";
import {
  bringUp,
  pingBothWays,
  rowOf,
  type Scenario,
  startScenario,
  startSite,
} from "./scenario.ts";
import type { StrongSwan } from "./strongswan.ts";
import { ping } from "./wire.ts";

const SETTINGS = {
  sites: [rowOf(1)],
  eroute: "routes = true\nlifetime_packets = 1000000\ncopy_dscp = false",
};

let scenario: Scenario;
let site: Site;
let swan: StrongSwan;

beforeAll(async () => {
  scenario = await startScenario(SETTINGS);
  site = await scenario.laboratory.addSite(1);
  const { concentrator } = scenario.laboratory;
  // All sites are on the same wire: only their subnets need a route.
  await configure(concentrator, ["route del default"]);
  swan = await startSite(site);
});

afterAll(async () => {
  await swan?.stop();
  await scenario?.erouted.stop();
});

test("the route exists while the Child SA does; we send from the inner address", async () => {
  expect(await shown("192.168.1.0/24")).toBe("");
  await bringUp(scenario, swan);
  expect(await shown("192.168.1.0/24")).toBe(
    "192.168.1.0/24 dev wan proto 69 scope link src 10.0.0.1 metric 4500",
  );
  await pingBothWays(scenario, site);
  const { concentrator } = scenario.laboratory;
  expect(await ping(concentrator, site.inner.v4)).toEqual({ sent: 3, received: 3 });
  await withNewKeys(scenario, site, "child", swan.rekeyChild);
  await pingBothWays(scenario, site);
  await swan.terminate();
  expect(await shown("192.168.1.0/24")).toBe("");
});

test("without its route nothing leaves for the site, not even in clear", async () => {
  const { status } = await run(scenario.laboratory.concentrator, [
    "ping",
    "-c",
    "1",
    "192.168.1.1",
  ]);
  expect(status).not.toBe(0);
  const found = await run(scenario.laboratory.concentrator, ["ip", "route", "get", "192.168.1.1"]);
  expect(found.err).toContain("unreachable");
});

test("after kill -9 a new start removes the route, too; the site calls again", async () => {
  await bringUp(scenario, swan);
  await scenario.erouted.kill();
  expect(await shown("192.168.1.0/24")).toContain("proto 69");
  const erouted = await startErouted(scenario.laboratory.concentrator, {
    ...SETTINGS,
    sites: [], // the row exists already
  });
  scenario = { ...scenario, erouted };
  expect(await shown("192.168.1.0/24")).toBe("");
  expect(await erouted.log()).toContain("3 policies and 1 route of an earlier run");
  await swan.stop();
  swan = await startSite(site);
  await bringUp(scenario, swan);
  expect(await ping(scenario.laboratory.office, site.inner.v4)).toEqual({ sent: 3, received: 3 });
  expect(await ping(site.host, OFFICE.v4, { from: site.inner.v4 })).toMatchObject({ received: 3 });
});

test("the eroute's limits and header options are in its states", async () => {
  const states = await must(scenario.laboratory.concentrator, ["ip", "-s", "xfrm", "state"]);
  expect([...states.matchAll(/soft 1000000\(packets\), hard 1100000\(packets\)/g)].length).toBe(2);
  expect([...states.matchAll(/extra_flag dont-encap-dscp/g)].length).toBe(2);
});

test("SIGTERM leaves no route", async () => {
  expect(await scenario.erouted.stop()).toBe(0);
  expect(await shown("192.168.1.0/24")).toBe("");
});

async function shown(subnet: string): Promise<string> {
  const { concentrator } = scenario.laboratory;
  return (await must(concentrator, ["ip", "-4", "route", "show", subnet])).trim();
}
