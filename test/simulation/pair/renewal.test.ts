/** Reauthentication, and sites that call although they are connected (RFC 4478; uniqueness). */

import { expect, test } from "bun:test";
import { DEFAULT_LIFE } from "../../../src/eroute/defaults.ts";
import type { ErouteLife, NormalEroute } from "../../../src/eroute/eroute.ts";
import { parseHeader } from "../../../src/wire/header.ts";
import { ExchangeType } from "../../../src/wire/v2/exchange-type.ts";
import { judgeSettled } from "./judge.ts";
import { FINE, layPair, type Pair } from "./pair.ts";
import { startTraffic } from "./traffic.ts";

/** Both ends' eroutes with their own lifetimes. */
function layLives(
  lives: Readonly<Record<"a" | "b", Partial<ErouteLife>>>,
  loses?: (octets: Uint8Array) => boolean,
): Pair {
  return layPair({
    ...{ seed: 1, weather: FINE, ...(loses === undefined ? {} : { loses }) },
    plan: (end, plan) => ({
      ...plan,
      eroutes: plan.eroutes.map(
        (eroute) => ({ ...eroute, life: { ...DEFAULT_LIFE, ...lives[end] } }) as NormalEroute,
      ),
    }),
  });
}

function isAuthResponse(octets: Uint8Array): boolean {
  const header = parseHeader(octets);
  if (!header.ok) return false;
  const { exchangeType, flags } = header.value;
  return exchangeType === ExchangeType.IKE_AUTH && flags.response;
}

function establishedTimes(pair: Pair): number {
  return pair.a.concentrator.snapshot().counters.ike_sas_established;
}

for (const end of ["a", "b"] as const) {
  const whose = end === "a" ? "the caller" : "who was called";
  test(`reauth of ${whose}: the new IKE SA comes before the old one goes`, () => {
    const none = {};
    const anew = { reauthMs: 120_000 };
    const pair = layLives(end === "a" ? { a: anew, b: none } : { a: none, b: anew });
    pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
    pair.runUntil(5_000);
    const traffic = startTraffic(pair, 50, 600_000);
    pair.runUntil(610_000);
    expect(establishedTimes(pair)).toBeGreaterThanOrEqual(5);
    expect(establishedTimes(pair)).toBeLessThan(9);
    // Each time, one packet may overtake the answer that brings up the caller's end.
    expect(traffic.lost).toBeLessThan(establishedTimes(pair));
    expect(traffic.blocked).toBe(0);
    expect(pair.reasons.get("reauthentication-overdue")).toBeUndefined();
    pair.runUntil(620_000);
    expect(judgeSettled(pair)).toEqual([]);
  });
}

test("reauth whose answer is lost or late: the existing SAs carry the packets", () => {
  for (const lostAnswers of [1, 2]) {
    let left = 0;
    const loses = (octets: Uint8Array) => isAuthResponse(octets) && left-- > 0;
    const pair = layLives({ a: { reauthMs: 120_000 }, b: {} }, loses);
    pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
    pair.runUntil(5_000);
    left = lostAnswers;
    const traffic = startTraffic(pair, 50, 140_000);
    pair.runUntil(150_000);
    expect(left).toBeLessThan(0);
    expect(establishedTimes(pair)).toBe(2);
    expect(traffic.blocked).toBe(0);
    expect(judgeSettled(pair)).toEqual([]);
  }
});

test("reauth goes on although the responder has rekeyed the IKE SA meanwhile", () => {
  const pair = layLives({ a: {}, b: { reauthMs: 120_000 } });
  pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
  pair.runUntil(5_000);
  const traffic = startTraffic(pair, 50, 300_000);
  for (const at of [20_000, 140_000, 260_000]) {
    pair.runUntil(at);
    pair.feed(pair.b, { kind: "rekey", peerId: "end-a", of: "ike" });
  }
  pair.runUntil(310_000);
  expect(establishedTimes(pair)).toBeGreaterThanOrEqual(3);
  expect(pair.reasons.get("reauthentication-overdue")).toBeUndefined();
  expect(traffic.blocked).toBe(0);
  pair.runUntil(360_000);
  expect(judgeSettled(pair)).toEqual([]);
});

test("a site that does not reauthenticate in time is deleted, and told", () => {
  const pair = layLives({ a: { start: "never" }, b: { reauthMs: 120_000 } });
  pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
  pair.runUntil(5_000);
  // It does not reauthenticate: not every peer obeys AUTH_LIFETIME.
  pair.isCut = true;
  pair.runUntil(140_000);
  expect(pair.reasons.get("reauthentication-overdue")).toBe(1);
  expect(pair.b.concentrator.snapshot().erouteCount).toBe(0);
});

/** End b calls again although it is connected, as after a crash in which it lost its state. */
function callAgain(life: Partial<ErouteLife>): Pair {
  const pair = layLives({ a: life, b: life });
  pair.feed(pair.b, { kind: "connect", peerId: "end-a" });
  pair.runUntil(70_000);
  pair.isCut = true;
  pair.feed(pair.b, { kind: "disconnect", peerId: "end-a" });
  pair.runUntil(100_000);
  pair.isCut = false;
  pair.feed(pair.b, { kind: "connect", peerId: "end-a" });
  pair.runUntil(110_000);
  return pair;
}

test("uniqueness = replace: a site that calls again replaces itself", () => {
  const pair = callAgain({ uniqueness: "replace" });
  expect(judgeSettled(pair)).toEqual([]);
});

test("uniqueness = keep: a site that has lost its state may connect from its old address", () => {
  const pair = callAgain({ uniqueness: "keep" });
  expect(pair.reasons.get("already-connected")).toBeUndefined();
  expect(judgeSettled(pair)).toEqual([]);
});

test("uniqueness = never: both stay", () => {
  const pair = callAgain({ uniqueness: "never" });
  const [view] = pair.a.concentrator.snapshot().eroutes(0, 2);
  expect([view?.ikeSas.length, view?.childSas.length]).toEqual([2, 2]);
});
