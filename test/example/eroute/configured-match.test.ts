/** Which configured eroute an ID belongs to (R1-R3), and which text somebody may have meant. */

import { expect, test } from "bun:test";
import { matchConfigured } from "../../../src/eroute/configured-match.ts";
import { agreement, nearestText } from "../../../src/eroute/nearest.ts";
import { matchesPattern } from "../../../src/eroute/pattern.ts";
import { eroutesFor } from "../../../src/eroute/plan-index.ts";
import { baseEroute, egroup, eroutePlan, normalEroute } from "./plan.ts";

test("R1, R2: an ID that a base eroute's pattern matches goes to its egroup", () => {
  const match = matchConfigured(eroutePlan(), "SITE-4711");
  expect(match).toMatchObject({
    kind: "base",
    eroute: { name: "fleet" },
    egroup: { name: "sites" },
  });
});

test("R2: a base eroute goes before a normal one, wherever it stands", () => {
  const plan = eroutePlan({
    eroutes: [normalEroute({ peerid: { text: "site-1" } }), baseEroute()],
    users: [{ name: "site-1", psk: new Uint8Array([1]) }],
  });
  expect(matchConfigured(plan, "site-1")).toMatchObject({ kind: "base" });
});

test("R11: each base eroute leads to its own egroup", () => {
  const north = baseEroute({ name: "north", egroup: "n", peerid: { text: "north-*" } });
  const plan = eroutePlan({
    egroups: [egroup(), egroup({ name: "n" })],
    eroutes: [baseEroute(), north],
  });
  expect(matchConfigured(plan, "north-1")).toMatchObject({ kind: "base", egroup: { name: "n" } });
});

test("R3: without a base eroute, local user and normal eroute together match", () => {
  const match = matchConfigured(eroutePlan(), "Lab-GW");
  expect(match).toMatchObject({ kind: "local", eroute: { name: "lab" }, user: { name: "lab-gw" } });
});

test("R3: a local user without an eroute is refused", () => {
  const plan = eroutePlan({ eroutes: [baseEroute()] });
  expect(matchConfigured(plan, "lab-gw")).toMatchObject({ reason: "user-without-eroute" });
});

test("R3: a normal eroute without a local user is refused, and named", () => {
  const plan = eroutePlan({ users: [] });
  const reason = "eroute-without-user";
  expect(matchConfigured(plan, "lab-gw")).toEqual({ kind: "refused", reason, closest: "lab-gw" });
});

test("R3: an ID that nothing matches is refused, with the nearest pattern", () => {
  const reason = "no-eroute";
  const refused = (peerId: string) => matchConfigured(eroutePlan(), peerId);
  expect(refused("site_4711")).toEqual({ kind: "refused", reason, closest: "site-*" });
  expect(refused("printer")).toEqual({ kind: "refused", reason, closest: undefined });
});

test("R1: of many eroutes, those that match an ID are the ones that a walk finds", () => {
  const texts = ["site-*", "*", "site-1", "?ite-1*", "*-1", "s*1", "lab-*"];
  const eroutes = Array.from({ length: 200 }, (_, place) => {
    const text = texts[place % texts.length] ?? "";
    return normalEroute({ peerid: { text: place < 100 ? text : `${text}${place}` } });
  });
  const plan = eroutePlan({ eroutes });
  const long = "1".repeat(256);
  for (const id of ["site-1", "SITE-1", "site-117", "lab-150", "s1", "nobody", "", long]) {
    const walked = eroutes.filter(({ peerid }) => matchesPattern(peerid, id));
    expect(eroutesFor(plan, id)).toEqual(walked);
  }
});

test("the nearest text is the one with the fewest changes, none if all are far", () => {
  expect(nearestText("peer_id", ["peerip", "peerid", "ourid"])).toBe("peerid");
  expect(nearestText("Lisen", ["port", "listen"])).toBe("listen");
  expect(nearestText("zzz", ["port", "listen"])).toBeUndefined();
  expect(nearestText("x".repeat(1000), ["x".repeat(1000)])).toBeUndefined();
});

test("R1: how far an ID goes along with a pattern that does not match it", () => {
  expect(agreement("site-*", "sitee-2")).toBe(4);
  expect(agreement("Site-*", "SITE-2")).toBe(6);
  expect(agreement("*.example", "a.example.org")).toBe(13);
  expect(agreement("a?c*-7", "abd-7")).toBe(2);
  expect(agreement("site", "")).toBe(0);
  // A state a place of the pattern, whatever a stranger sends.
  expect(agreement("*a".repeat(128), "a".repeat(255))).toBe(255);
});

test("only eroutes that allow the version match; of the others, the first is named", () => {
  const rest = { legacy: false, xauth: false, pushesConfig: false, sha256With96Bits: false };
  const old = { v2: false, v1: { mode: "both", ...rest, ike: [], esp: [] } } as const;
  const plan = eroutePlan({ eroutes: [baseEroute({ versions: old }), normalEroute()] });
  expect(matchConfigured(plan, "site-1")).toMatchObject({ kind: "base" });
  expect(matchConfigured(plan, "site-1", 1)).toMatchObject({ kind: "base" });
  const refused = { kind: "refused", reason: "ike-version" } as const;
  expect(matchConfigured(plan, "site-1", 2)).toEqual({ ...refused, closest: "fleet" });
  expect(matchConfigured(plan, "lab-gw", 1)).toEqual({ ...refused, closest: "lab" });
  expect(matchConfigured(plan, "lab-gw", 2)).toMatchObject({ kind: "local" });
});
