/** Authentication by signature: each end in its own way; failures, lateness, reloads (RFC 7427). */

import { expect, test } from "bun:test";
import type { ErouteAuth, EroutePlan } from "../../../src/eroute/eroute.ts";
import { TOY_ANCHORS, toyAuth } from "../toy-signature.ts";
import type { End } from "./end.ts";
import { judgeEmpty, judgeSettled } from "./judge.ts";
import { FINE, layPair, type Pair, type PairSettings } from "./pair.ts";

function called(auth: NonNullable<PairSettings["auth"]>, more: Partial<PairSettings> = {}): Pair {
  const pair = layPair({ seed: 1, weather: FINE, auth, ...more });
  pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
  return pair;
}

const BOTH: NonNullable<PairSettings["auth"]> = (end) => toyAuth(`end-${end}`, "certificate");

/** What the other end authenticated with: the subject, or undefined for the key. */
function provedTo(end: End): string | undefined {
  return end.concentrator.snapshot().eroutes(0, 1)[0]?.certificate?.subject;
}

test("V2-51: each end authenticates in its own way, whichever calls", () => {
  for (const isDynamic of [false, true]) {
    for (const [a, b] of [
      ["end-a", "end-b"],
      ["end-a", undefined],
      [undefined, "end-b"],
    ] as const) {
      for (const takes of ["exact", "either"] as const) {
        const peer = (own: string | undefined): ErouteAuth["peer"]["kind"] =>
          takes === "either" ? "either" : own === undefined ? "psk" : "certificate";
        const auth = (end: "a" | "b") => (end === "a" ? toyAuth(a, peer(b)) : toyAuth(b, peer(a)));
        const pair = called(auth, { isDynamic });
        pair.runUntil(10_000);
        expect(judgeSettled(pair)).toEqual([]);
        expect(provedTo(pair.a)).toBe(b === undefined ? undefined : "CN=end-b");
        expect(provedTo(pair.b)).toBe(a === undefined ? undefined : "CN=end-a");
      }
    }
  }
});

test("R2: with certificates at both ends a row needs no password, and no user is needed", () => {
  const plan = (_: "a" | "b", before: EroutePlan) => ({ ...before, users: [] });
  const pair = called(BOTH, { isDynamic: true, plan });
  const found = pair.a.database.find({ by: "peerid", peerid: "end-b" });
  for (const row of found.ok ? found.value : []) pair.a.database.put({ ...row, password: null });
  pair.runUntil(10_000);
  expect(judgeSettled(pair)).toEqual([]);
});

test("a signature that the caller cannot make or verify ends this call, and no other", () => {
  for (const failing of [1, 4]) {
    let count = 0;
    const pair = called(BOTH, { failsSignature: () => ++count === failing });
    pair.runUntil(8_000);
    expect(pair.reasons.get("signature-failed")).toBe(1);
    expect(pair.b.kernel.states.size).toBe(0);
    pair.runUntil(120_000);
    expect(judgeEmpty(pair)).toEqual([]);
    pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
    pair.runUntil(140_000);
    expect(judgeSettled(pair)).toEqual([]);
  }
});

test("a signature that the responder cannot make or verify is tried again with the copy", () => {
  for (const failing of [2, 3]) {
    let count = 0;
    const pair = called(BOTH, { failsSignature: () => ++count === failing });
    pair.runUntil(120_000);
    expect(pair.reasons.get("signature-failed")).toBe(1);
    expect(judgeSettled(pair)).toEqual([]);
    expect(pair.reasons.get("established")).toBe(2);
  }
});

test("signatures that take seconds: copies of IKE_AUTH are not further attempts", () => {
  const pair = called(BOTH, { signatureMs: () => 3_000 });
  pair.runUntil(60_000);
  expect(judgeSettled(pair)).toEqual([]);
  expect(pair.reasons.get("established")).toBe(2);
});

test("a signature that comes too late is dropped: both ends have given up", () => {
  for (const late of ["a", "b"] as const) {
    const signatureMs = (end: "a" | "b") => (end === late ? 200_000 : undefined);
    const pair = called(BOTH, { signatureMs });
    pair.runUntil(190_000);
    expect(pair.reasons.get("timeout")).toBeGreaterThanOrEqual(1);
    const end = pair[late];
    expect(end.concentrator.tableSizes().halfOpen.counted).toBe(0);
    pair.runUntil(900_000);
    expect(judgeEmpty(pair)).toEqual([]);
    expect(end.concentrator.snapshot().counters.late_answers).toBeGreaterThanOrEqual(1);
  }
});

test("authentication fails: the reason at one end, AUTHENTICATION_FAILED at the other", () => {
  const other = { ...TOY_ANCHORS, ids: ["another authority"] };
  const refused: readonly (readonly [string, NonNullable<PairSettings["auth"]>])[] = [
    [
      "issuer-unknown",
      (end) => toyAuth(`end-${end}`, "certificate", end === "b" ? other : undefined),
    ],
    ["id-not-in-certificate", (end) => toyAuth(end === "a" ? "end-x" : "end-b", "certificate")],
    ["auth-method", (end) => toyAuth(end === "a" ? undefined : "end-b", "certificate")],
    ["auth-method", (end) => toyAuth(`end-${end}`, end === "a" ? "certificate" : "psk")],
  ];
  for (const [reason, auth] of refused) {
    const pair = called(auth);
    pair.runUntil(60_000);
    expect(pair.reasons.get(reason)).toBe(1);
    // A caller whose method the other end has not announced knows more than that it is refused.
    const isMethod = reason === "auth-method";
    const seen = isMethod ? "auth-methods-unfit" : "peer-refused-authentication-failed";
    expect(pair.reasons.get(seen)).toBe(1);
    expect(judgeEmpty(pair)).toEqual([]);
  }
});

test("R12: authentication of the responder fails: it is told, and both forget", () => {
  const other = { ...TOY_ANCHORS, ids: ["another authority"] };
  const auth = (end: "a" | "b") =>
    toyAuth(`end-${end}`, "certificate", end === "a" ? other : undefined);
  const pair = called(auth);
  pair.runUntil(60_000);
  expect(pair.reasons.get("issuer-unknown")).toBe(1);
  expect(judgeEmpty(pair)).toEqual([]);
});

test("a reload that removes trust in the site's authority closes the site", () => {
  const pair = called(BOTH);
  pair.runUntil(10_000);
  const plan = (auth: ErouteAuth) => {
    const eroute = { ...pair.plans.a.eroutes[0], auth } as EroutePlan["eroutes"][number];
    return { ...pair.plans.a, eroutes: [eroute] };
  };
  const more = { ...TOY_ANCHORS, ids: [...TOY_ANCHORS.ids, "another authority"] };
  for (const auth of [toyAuth("end-a", "certificate", more), toyAuth(undefined, "either")]) {
    pair.feed(pair.a, { kind: "configuration", plan: plan(auth) });
    pair.runUntil(pair.now() + 5_000);
    expect(judgeSettled(pair)).toEqual([]);
  }
  const other = { ...TOY_ANCHORS, ids: ["another authority"] };
  pair.feed(pair.a, { kind: "configuration", plan: plan(toyAuth("end-a", "certificate", other)) });
  pair.runUntil(pair.now() + 30_000);
  // Once for the eroute, once for its IKE SA.
  expect(pair.reasons.get("reconfigured")).toBe(2);
  expect(judgeEmpty(pair)).toEqual([]);
});
