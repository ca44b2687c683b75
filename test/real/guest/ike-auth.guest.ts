/** IKE_AUTH in its other forms: without a Child SA (RFC 6023). */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { erouteViews, expectKernelAsStatusSays } from "./agreement.ts";
import { until } from "./hosts.ts";
import {
  bringUp,
  pingBothWays,
  rowOf,
  type Scenario,
  startScenario,
  startSite,
} from "./scenario.ts";

let scenario: Scenario;

beforeAll(async () => {
  scenario = await startScenario({ sites: [rowOf(1)] });
});

afterAll(async () => {
  expect(await scenario?.erouted.stop()).toBe(0);
});

test("RFC 6023: strongSwan is told that it may come without a Child SA, and does", async () => {
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
  // One IKE SA served both: what strongSwan asked for in the end came by CREATE_CHILD_SA.
  const made = (await scenario.erouted.log()).match(/dynamic eroute fleet\/site-1 from/g);
  expect(made?.length).toBe(1);
  await swan.stop();
});
