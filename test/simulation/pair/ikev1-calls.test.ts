/** Calling with IKEv1: both modes, NAT, other groups, wrong keys and IDs, lost messages (R12). */

import { expect, test } from "bun:test";
import { Ke } from "../../../src/crypto/transform.ts";
import { DEFAULT_LIFE } from "../../../src/eroute/defaults.ts";
import type { EroutePlan, IkeVersions, Ikev1Rule } from "../../../src/eroute/eroute.ts";
import { parseHeader } from "../../../src/wire/header.ts";
import { ExchangeType } from "../../../src/wire/v1/header.ts";
import { IKEV1_ESP_SUITE, IKEV1_IKE_SUITE } from "../ikev1-suites.ts";
import { prefixOfText } from "../plan.ts";
import { judgeEmpty, judgeSettled } from "./judge.ts";
import { FINE, layPair, type Pair, type PairSettings } from "./pair.ts";

const RULE: Ikev1Rule = {
  ...{ mode: "aggressive", legacy: false, xauth: false },
  ...{ pushesConfig: false, sha256With96Bits: false },
  ike: [IKEV1_IKE_SUITE],
  esp: [IKEV1_ESP_SUITE],
};

/** What both ends allow; `changes` are those of one end. */
function versions(rule: Partial<Ikev1Rule> = {}, v2 = false): IkeVersions {
  return { v2, v1: { ...RULE, ...rule } };
}

function laid(rule: Partial<Ikev1Rule>, changes: Partial<PairSettings> = {}): Pair {
  return layPair({ seed: 1, weather: FINE, eroute: { versions: versions(rule) }, ...changes });
}

function called(rule: Partial<Ikev1Rule>, changes: Partial<PairSettings> = {}): Pair {
  const pair = laid(rule, changes);
  pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
  return pair;
}

/** Changes to the eroute of one end. */
function at(which: "a" | "b", changes: object): Partial<PairSettings> {
  const change = (plan: EroutePlan): EroutePlan => ({
    ...plan,
    eroutes: plan.eroutes.map((eroute) => Object.assign({}, eroute, changes)),
  });
  return { plan: (end, plan) => (end === which ? change(plan) : plan) };
}

const MODES = ["aggressive", "main"] as const;

for (const mode of MODES) {
  test(`R12: a call with IKEv1 in ${mode} mode connects both ends, with keys that fit`, () => {
    const pair = called({ mode });
    pair.runUntil(10_000);
    expect(judgeSettled(pair)).toEqual([]);
    const [view] = pair.a.concentrator.snapshot().site("end-b");
    expect(view?.ikeSas).toMatchObject([{ version: 1, role: "initiator" }]);
    expect(pair.reasons.get("calling")).toBe(1);
  });

  test(`R12: ${mode} mode: a site of a table is called with key and address of its row`, () => {
    const pair = called({ mode }, { isDynamic: true });
    pair.runUntil(10_000);
    expect(judgeSettled(pair)).toEqual([]);
    const [view] = pair.a.concentrator.snapshot().site("end-b");
    expect(view?.kind).toBe("dynamic");
  });

  test(`R12: ${mode} mode: each message lost once is sent again`, () => {
    for (let lost = 0; lost < 9; lost++) {
      let seen = 0;
      const pair = called({ mode }, { loses: () => seen++ === lost });
      pair.runUntil(40_000);
      expect([lost, judgeSettled(pair)]).toEqual([lost, []]);
    }
  });

  test(`R12: ${mode} mode from behind a NAT goes on from port 4500`, () => {
    // In Main Mode the site is found by the address outside.
    const pair = laid({ mode }, { isNatted: true, ...at("a", { peerip: "203.0.113.7" }) });
    pair.feed(pair.b, { kind: "connect", peerId: "end-a" });
    pair.runUntil(10_000);
    expect(judgeSettled(pair)).toEqual([]);
    const [view] = pair.b.concentrator.snapshot().site("end-a");
    expect(view?.ikeSas).toMatchObject([{ nat: "local" }]);
  });

  test(`R12: ${mode} mode: a wrong key ends the call, and both ends forget it`, () => {
    const users = [{ name: "end-a", psk: new TextEncoder().encode("another") }];
    const plan = (end: "a" | "b", own: EroutePlan) => (end === "b" ? { ...own, users } : own);
    const pair = called({ mode }, { plan });
    pair.runUntil(90_000);
    expect(judgeEmpty(pair)).toEqual([]);
    expect(pair.reasons.get("wrong-psk")).toBe(1);
  });

  test(`R12: ${mode} mode: if another end answers than was called, the call fails`, () => {
    const pair = called({ mode }, at("b", { ourid: "somebody-else" }));
    pair.runUntil(90_000);
    expect(pair.reasons.get("wrong-peer")).toBe(1);
    expect(judgeEmpty(pair)).toEqual([]);
  });

  test(`R12: ${mode} mode: no algorithm in common: what was offered is said`, () => {
    const ike = [{ ...IKEV1_IKE_SUITE, ke: [Ke.MODP_4096] }];
    const pair = called({ mode }, at("b", { versions: versions({ mode, ike }) }));
    pair.runUntil(90_000);
    expect(judgeEmpty(pair)).toEqual([]);
    expect(pair.reasons.get("peer-refused-no-proposal-chosen")).toBe(1);
    expect(pair.log.join("\n")).toMatch(/offered: AES_CBC_256\/PRF_HMAC_SHA2_256\/ECP_256/);
  });

  test(`R12: ${mode} mode: nobody answers: the call fails, and nothing is left`, () => {
    const pair = called({ mode }, { loses: () => true });
    pair.runUntil(60_000);
    expect(pair.reasons.get("no-answer")).toBe(1);
    expect(judgeEmpty(pair)).toEqual([]);
  });
}

test("R12: in Aggressive Mode the next group is tried if the first is not accepted", () => {
  const ike = [{ ...IKEV1_IKE_SUITE, ke: [Ke.MODP_2048] }];
  const pair = called({}, at("b", { versions: versions({ ike }) }));
  pair.runUntil(10_000);
  expect(judgeSettled(pair)).toEqual([]);
});

test("R12: Quick Mode: a site that wants another group, or none, gets it", () => {
  const groups = [Ke.ECP_256, Ke.MODP_2048, Ke.NONE];
  for (const only of groups) {
    const esp = (ke: readonly number[]) => [{ ...IKEV1_ESP_SUITE, ke }];
    const plan = (end: "a" | "b", own: EroutePlan): EroutePlan => {
      const allowed = versions({ esp: esp(end === "a" ? groups : [only]) });
      const eroutes = own.eroutes.map((eroute) => ({ ...eroute, versions: allowed }));
      return { ...own, eroutes };
    };
    const pair = called({}, { plan });
    pair.runUntil(10_000);
    expect([only, judgeSettled(pair)]).toEqual([only, []]);
  }
});

test("R12: a lost third message comes with each copy of what follows it", () => {
  let aggressive = 0;
  // The called end never repeats its answer: only we know that something was lost.
  const loses = (octets: Uint8Array) => {
    const header = parseHeader(octets);
    if (!header.ok || header.value.exchangeType !== ExchangeType.AGGRESSIVE_MODE) return false;
    return ++aggressive === 3;
  };
  const pair = called({}, { loses });
  pair.runUntil(20_000);
  expect(judgeSettled(pair)).toEqual([]);
});

test("R12: an eroute with several subnets gets a Child SA for each pair", () => {
  const wider = {
    a: { localSubnets: ["10.0.0.0/24", "10.0.9.0/24"].map(prefixOfText) },
    b: { remoteSubnets: ["10.0.0.0/24", "10.0.9.0/24"].map(prefixOfText) },
  };
  const plan = (end: "a" | "b", own: EroutePlan): EroutePlan => ({
    ...own,
    eroutes: own.eroutes.map((eroute) => Object.assign({}, eroute, wider[end])),
  });
  const pair = called({}, { plan });
  pair.runUntil(20_000);
  for (const end of [pair.a, pair.b]) {
    const [view] = end.concentrator.snapshot().eroutes(0, 1);
    expect(view?.childSas.map(({ localSubnets }) => localSubnets)).toHaveLength(2);
  }
});

test("R12: of both versions IKEv2 comes first, and IKEv1 if nobody answers it", () => {
  const both = { versions: versions({}, true) };
  const modern = layPair({ seed: 1, weather: FINE, eroute: both });
  modern.feed(modern.a, { kind: "connect", peerId: "end-b" });
  modern.runUntil(10_000);
  expect(judgeSettled(modern)).toEqual([]);
  expect(modern.a.concentrator.snapshot().site("end-b")[0]?.ikeSas).toMatchObject([{ version: 2 }]);
  const isIkev2 = (octets: Uint8Array) => octets[17] === 0x20;
  const old = layPair({ seed: 1, weather: FINE, eroute: both, loses: isIkev2 });
  old.feed(old.a, { kind: "connect", peerId: "end-b" });
  old.runUntil(60_000);
  expect(judgeSettled(old)).toEqual([]);
  expect(old.reasons.get("calling")).toBe(2);
  expect(old.a.concentrator.snapshot().site("end-b")[0]?.ikeSas).toMatchObject([{ version: 1 }]);
  // The next call begins with what the site was here with.
  old.feed(old.a, { kind: "disconnect", peerId: "end-b" });
  old.runUntil(70_000);
  old.feed(old.a, { kind: "connect", peerId: "end-b" });
  old.runUntil(80_000);
  expect(old.reasons.get("calling")).toBe(3);
  expect(judgeSettled(old)).toEqual([]);
});

test("R12: a site that has called in Aggressive Mode is called in it", () => {
  const b = at("b", { versions: versions({ mode: "aggressive" }) });
  for (const hasCalled of [false, true]) {
    const pair = laid({ mode: "both" }, b);
    if (hasCalled) {
      pair.feed(pair.b, { kind: "connect", peerId: "end-a" });
      pair.runUntil(10_000);
      pair.feed(pair.a, { kind: "disconnect", peerId: "end-b" });
      pair.runUntil(30_000);
    }
    const before = pair.reasons.get("calling") ?? 0;
    pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
    pair.runUntil(pair.now() + 60_000);
    expect(judgeSettled(pair)).toEqual([]);
    expect((pair.reasons.get("calling") ?? 0) - before).toBe(hasCalled ? 1 : 2);
  }
});

test("R12: a site whose user authenticates with XAUTH is not called", () => {
  const pair = called({ xauth: true });
  pair.runUntil(10_000);
  expect(pair.reasons.get("ikev1-unsupported")).toBe(1);
  expect(pair.reasons.has("calling")).toBe(false);
});

test("R12: both ends call with IKEv1 at once: one IKE SA stays", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const pair = laid({}, { seed });
    pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
    pair.feed(pair.b, { kind: "connect", peerId: "end-a" });
    pair.runUntil(120_000);
    const complaints = judgeSettled(pair).filter((one) => !one.includes("Child SAs"));
    expect([seed, complaints]).toEqual([seed, []]);
  }
});

/** Runs for so long: each second there are an ISAKMP SA and a Child SA at both ends. */
function watch(pair: Pair, ms: number): void {
  for (const until = pair.now() + ms; pair.now() < until; ) {
    pair.runUntil(pair.now() + 1_000);
    for (const end of [pair.a, pair.b]) {
      const [view] = end.concentrator.snapshot().eroutes(0, 1);
      expect([end.name, pair.now(), view?.ikeSas.length ?? 0]).not.toContain(0);
      expect([end.name, pair.now(), view?.childSas.length ?? 0]).not.toContain(0);
    }
  }
}

function ikeSaOf(pair: Pair): unknown {
  return pair.a.concentrator.snapshot().site("end-b")[0]?.ikeSas.at(-1)?.spiI;
}

for (const isDynamic of [false, true]) {
  test(`Phase 1 is begun anew by us before its lifetime ends, dynamic: ${isDynamic}`, () => {
    const life = { ...DEFAULT_LIFE, ikeLifetimeMs: 120_000 };
    const eroute = { versions: versions(), life };
    const pair = layPair({ seed: 3, weather: FINE, eroute, isDynamic });
    pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
    pair.runUntil(10_000);
    const [first, children] = [ikeSaOf(pair), [...pair.a.kernel.states.keys()]];
    watch(pair, 400_000);
    expect(ikeSaOf(pair)).not.toBe(first);
    expect(pair.reasons.get("calling")).toBeGreaterThan(3);
    // The Child SA has gone over from one to the next.
    expect([...pair.a.kernel.states.keys()]).toEqual(children);
    while (judgeSettled(pair).length > 0 && pair.now() < 600_000) watch(pair, 1_000);
    expect(judgeSettled(pair)).toEqual([]);
    expect(pair.reasons.has("child-sa-rekeyed")).toBe(false);
  });
}

test("Phase 1 anew: while nobody answers the old one stays, and its Child SA outlives it", () => {
  const life = { ...DEFAULT_LIFE, ikeLifetimeMs: 120_000 };
  const eroute = { versions: versions(), life, livenessMs: undefined };
  const pair = layPair({ seed: 3, weather: FINE, eroute });
  pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
  pair.runUntil(10_000);
  pair.isCut = true;
  pair.runUntil(100_000);
  pair.isCut = false;
  watch(pair, 100_000);
  while (judgeSettled(pair).length > 0 && pair.now() < 400_000) watch(pair, 1_000);
  expect(judgeSettled(pair)).toEqual([]);
});

test("Phase 1 anew at both ends at once: one ISAKMP SA stays, with the Child SA", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const pair = laid({ mode: seed % 2 === 0 ? "main" : "aggressive" }, { seed });
    pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
    pair.runUntil(90_000);
    const states = [...pair.a.kernel.states.keys()];
    pair.feed(pair.a, { kind: "rekey", peerId: "end-b", of: "ike" });
    pair.feed(pair.b, { kind: "rekey", peerId: "end-a", of: "ike" });
    watch(pair, 120_000);
    expect([seed, judgeSettled(pair)]).toEqual([seed, []]);
    expect([...pair.a.kernel.states.keys()]).toEqual(states);
  }
});

for (const isNatted of [false, true]) {
  test(`uniqueness = "keep": the site itself begins Phase 1 anew, with a NAT: ${isNatted}`, () => {
    const life = { ...DEFAULT_LIFE, uniqueness: "keep" } as const;
    const pair = laid({}, { isNatted, eroute: { versions: versions(), life } });
    pair.feed(pair.b, { kind: "connect", peerId: "end-a" });
    pair.runUntil(10_000);
    const first = ikeSaOf(pair);
    pair.feed(pair.b, { kind: "rekey", peerId: "end-a", of: "ike" });
    watch(pair, 60_000);
    expect(judgeSettled(pair)).toEqual([]);
    expect(ikeSaOf(pair)).not.toBe(first);
    expect(pair.reasons.has("already-connected")).toBe(false);
  });
}
