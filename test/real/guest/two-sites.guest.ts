/** Two sites, one of which asks for more than its own subnet. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Site } from "./laboratory.ts";
import {
  bringUp,
  pingBothWays,
  rowOf,
  type Scenario,
  startScenario,
  startSite,
} from "./scenario.ts";
import type { StrongSwan } from "./strongswan.ts";
import { xfrmPolicies } from "./xfrm-states.ts";

let scenario: Scenario;
let first: Site;
let other: Site;
let firstSwan: StrongSwan;

beforeAll(async () => {
  scenario = await startScenario({ sites: [rowOf(1), rowOf(2)] });
  first = await scenario.laboratory.addSite(1);
  other = await scenario.laboratory.addSite(2);
  firstSwan = await startSite(first);
  await bringUp(scenario, firstSwan);
});

afterAll(async () => {
  await firstSwan?.stop();
  await scenario?.erouted.stop();
});

test("R10: a site that asks for all subnets gets its own row's and nothing wider", async () => {
  const greedy = await startSite(other, { localSubnet: "192.168.0.0/16" });
  await bringUp(scenario, greedy);
  const policies = await xfrmPolicies(scenario.laboratory.concentrator);
  const remote = policies.map((policy) => (policy.dir === "out" ? policy.dst : policy.src));
  expect([...new Set(remote)].sort()).toEqual(["192.168.1.0/24", "192.168.2.0/24"]);
  await pingBothWays(scenario, other);
  await pingBothWays(scenario, first);
  await greedy.terminate();
  await greedy.stop();
});
