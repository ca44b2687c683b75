/** Policies that stand without an SA (R12, R14), and their order. */

import { expect, test } from "bun:test";
import { standingPolicies } from "../../../src/concentrator/dataplane/no-sa.ts";
import { DEFAULT_LIFE } from "../../../src/eroute/defaults.ts";
import type { BaseEroute, EroutePlan } from "../../../src/eroute/eroute.ts";
import { selectorPriority } from "../../../src/xfrm/priority.ts";
import { TRAP_REQID } from "../../../src/xfrm/request.ts";
import { baseEroute, eroutePlan, prefix } from "../eroute/plan.ts";

function standing(life: Partial<BaseEroute["life"]>, changes: Partial<BaseEroute> = {}) {
  const eroute = baseEroute({ life: { ...DEFAULT_LIFE, ...life }, ...changes });
  return texts(eroutePlan({ eroutes: [eroute] }));
}

function texts(plan: EroutePlan): readonly string[] {
  return [...standingPolicies(plan)].map(([name, { action }]) => `${action} ${name}`);
}

test("R12: a base eroute's remote subnet has a trap; the site is not known yet", () => {
  expect(standing({})).toEqual(["protect policy out 10.0.0.0/16 -> 192.168.0.0/23"]);
  const [policy] = standingPolicies(eroutePlan({ eroutes: [baseEroute()] })).values();
  expect(policy?.template).toMatchObject({ reqid: TRAP_REQID, src: { value: 0n } });
});

test("R14: drop blocks both ways, pass has no policy, start = never blocks", () => {
  expect(standing({ noSa: "drop" })).toEqual([
    "block policy out 10.0.0.0/16 -> 192.168.0.0/23",
    "block policy in 192.168.0.0/23 -> 10.0.0.0/16",
    "block policy fwd 192.168.0.0/23 -> 10.0.0.0/16",
  ]);
  expect(standing({ noSa: "pass" })).toEqual([]);
  expect(standing({ start: "never" })).toEqual(["block policy out 10.0.0.0/16 -> 192.168.0.0/23"]);
});

test("R14: a remote subnet that contains ours does not cut us off from our own", () => {
  const all = standing({}, { remoteSubnets: [prefix("0.0.0.0/0")] });
  expect(all).toEqual([
    "pass policy in 10.0.0.0/16 -> 10.0.0.0/16",
    "pass policy fwd 10.0.0.0/16 -> 10.0.0.0/16",
    "pass policy out 10.0.0.0/16 -> 10.0.0.0/16",
    "protect policy out 10.0.0.0/16 -> 0.0.0.0/0",
  ]);
});

test("R14: the default eroute drops all but exceptions, loopback and neighbour discovery", () => {
  const plan = eroutePlan({
    eroutes: [],
    defaultEroute: { outbound: "drop", inbound: "pass", except: [prefix("192.0.2.0/24")] },
  });
  const found = texts(plan);
  expect(found).toContain("block policy out 0.0.0.0/0 -> 0.0.0.0/0");
  expect(found).toContain("block policy out ::/0 -> ::/0");
  expect(found).toContain("pass policy out 127.0.0.0/8 -> 0.0.0.0/0");
  expect(found).toContain("pass policy out 0.0.0.0/0 -> 192.0.2.0/24");
  expect(found.filter((text) => text.includes("protocol 58")).length).toBe(4);
  expect(found.some((text) => / (in|fwd) /.test(text))).toBe(false);
  const blocks = [...standingPolicies(plan).values()].filter(({ action }) => action === "block");
  const passes = [...standingPolicies(plan).values()].filter(({ action }) => action === "pass");
  const last = Math.max(...passes.map(({ priority }) => priority));
  expect(blocks.every(({ priority }) => priority > last)).toBe(true);
});

test("a Child SA's policy of the same width precedes trap and block", () => {
  for (const noSa of ["initiate", "drop"] as const) {
    const eroutes = [baseEroute({ life: { ...DEFAULT_LIFE, noSa } })];
    for (const policy of standingPolicies(eroutePlan({ eroutes })).values()) {
      expect(selectorPriority(policy.id)).toBeLessThan(policy.priority);
    }
  }
});
