/** strongSwan calls with IKEv1, which no eroute allows: erouted reports the caller. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { must, until } from "./hosts.ts";
import type { Site } from "./laboratory.ts";
import { rowOf, type Scenario, startScenario, startSite } from "./scenario.ts";

let scenario: Scenario;
let site: Site;

beforeAll(async () => {
  scenario = await startScenario({ sites: [rowOf(1)] });
  site = await scenario.laboratory.addSite(1);
});

afterAll(async () => {
  expect(await scenario.erouted.stop()).toBe(0);
});

test("Aggressive Mode: `why` by its ID says what to change", async () => {
  const swan = await startSite(site, { version: 1, aggressive: true });
  expect(await swan.initiate(3)).toBe(false);
  await swan.stop();
  const why = await scenario.erouted.command("why", "site-1");
  expect(why.out).toContain("site-1 is not connected: it calls with IKEv1");
  expect(why.out).toContain("Aggressive Mode");
  expect(why.out).toContain("set its router to IKEv2");
});

test("Main Mode: `why` by its address says it, and `why` by an ID names the address", async () => {
  const swan = await startSite(site, { version: 1 });
  expect(await swan.initiate(3)).toBe(false);
  await swan.stop();
  const why = await scenario.erouted.command("why", site.address.v4);
  expect(why.out).toContain("it calls with IKEv1");
  expect(why.out).toContain("Main Mode");
  expect(why.out).toContain("set its router to IKEv2");
  expect(await ikev1Calls()).toBeGreaterThan(1);
});

test("ike-scan is seen as well", async () => {
  const before = await ikev1Calls();
  await must(site.host, ["ike-scan", "--retry=1", "--sport=0", "192.0.2.1"]);
  await until("its call is counted", async () => (await ikev1Calls()) > before);
});

async function ikev1Calls(): Promise<number> {
  const metrics = await scenario.erouted.get("/metrics");
  return Number(/^erouted_ikev1_calls_total (\d+)/m.exec(metrics)?.[1]);
}
