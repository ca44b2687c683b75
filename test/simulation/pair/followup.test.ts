/** Additional key exchanges of new keys: IKE_FOLLOWUP_KE (RFC 9370 §2.2.4). */

import { expect, test } from "bun:test";
import type { ChildSaView } from "../../../src/concentrator/snapshot.ts";
import type { Suite } from "../../../src/crypto/suite.ts";
import { Ke } from "../../../src/crypto/transform.ts";
import type { EroutePlan } from "../../../src/eroute/eroute.ts";
import { ExchangeType } from "../../../src/wire/v2/exchange-type.ts";
import { ESP_SUITE, IKE_SUITE } from "../plan.ts";
import type { End } from "./end.ts";
import { judgeEmpty, judgeSettled } from "./judge.ts";
import { FINE, layPair, type Pair, type PairSettings } from "./pair.ts";

const IKE: Suite = { ...IKE_SUITE, additional: [[Ke.ML_KEM_1024], [Ke.ECP_384, Ke.NONE]] };
const ESP: Suite = { ...ESP_SUITE, ke: [Ke.X25519], additional: [[Ke.ML_KEM_768, Ke.NONE]] };
const WHATS = ["ike", "children"] as const;
type What = (typeof WHATS)[number];

test("RFC 9370: either end rekeys the IKE SA and the Child SA, with all key exchanges", () => {
  for (const what of WHATS) {
    for (const who of ["a", "b"] as const) {
      const { pair, messages } = counting();
      rekey(pair, pair[who], what, 60_000);
      expect([what, who, judgeSettled(pair)]).toEqual([what, who, []]);
      // Two requests and two responses for the IKE SA, one of each for the Child SA.
      expect([what, who, messages.size]).toEqual([what, who, what === "ike" ? 4 : 2]);
      expect(algorithmsOf(pair)).toEqual(Array(2).fill(expect.stringContaining("ML_KEM_1024")));
      expect(rekeysOf(pair, what)).toEqual([1, 1]);
      if (what === "children") expect(childAlgorithmsOf(pair)[0]).toContain("X25519/ML_KEM_768");
      expectEmptyAfterAll(pair);
    }
  }
});

test("RFC 9370: a rekey with an end that has no IKE_FOLLOWUP_KE goes without it", () => {
  const optional: Suite = { ...IKE, additional: [[Ke.ML_KEM_1024, Ke.NONE]] };
  for (const what of WHATS) {
    for (const who of ["a", "b"] as const) {
      const { pair, messages } = counting({
        plan: (end, plan) =>
          end === "a"
            ? withSuites(plan, optional, ESP)
            : withSuites(plan, IKE_SUITE, { ...ESP, additional: [] }),
      });
      rekey(pair, pair[who], what, 60_000);
      expect([what, who, judgeSettled(pair), messages.size]).toEqual([what, who, [], 0]);
      expect(rekeysOf(pair, what)).toEqual([1, 1]);
    }
  }
});

test("RFC 9370: both ends rekey at once, whatever the times between: one new SA stays", () => {
  let collisions = 0;
  for (const what of WHATS) {
    for (let laterMs = 0; laterMs <= 60; laterMs += 10) {
      for (const [first, second] of [
        ["a", "b"],
        ["b", "a"],
      ] as const) {
        const pair = connected({ seed: laterMs + 1 });
        pair.feed(pair[first], { kind: "rekey", peerId: pair[first].peerId, of: what });
        pair.runUntil(pair.now() + laterMs);
        rekey(pair, pair[second], what, 90_000);
        const at = `${what} ${first} ${laterMs}`;
        expect([at, judgeSettled(pair)]).toEqual([at, []]);
        expect([at, pair.reasons.has("peer-silent")]).toEqual([at, false]);
        collisions += pair.a.concentrator.snapshot().counters.rekey_collisions;
        expectEmptyAfterAll(pair);
      }
    }
  }
  expect(collisions).toBeGreaterThan(2);
});

test("RFC 9370: each message that is lost once is repeated, with the same octets", () => {
  for (const what of WHATS) {
    for (let lost = 0; lost < 8; lost++) {
      let at = 0;
      const sent = new Set<string>();
      const loses = (octets: Uint8Array): boolean => {
        if (octets[18] !== ExchangeType.IKE_FOLLOWUP_KE) return false;
        sent.add(octets.toHex());
        return at++ === lost;
      };
      const pair = connected({ loses });
      rekey(pair, pair.a, what, 30_000);
      expect([what, lost, judgeSettled(pair)]).toEqual([what, lost, []]);
      expect(rekeysOf(pair, what)).toEqual([1, 1]);
      if (lost < sent.size) expect(at).toBeGreaterThan(sent.size);
    }
  }
});

test("RFC 9370: who comes too late is told STATE_NOT_FOUND, and begins anew", () => {
  for (const what of WHATS) {
    for (const who of ["a", "b"] as const) {
      let until = 0;
      let clock = () => 0;
      const loses = (octets: Uint8Array) =>
        octets[18] === ExchangeType.IKE_FOLLOWUP_KE && clock() < until;
      const pair = connected({ loses });
      clock = pair.now;
      until = pair.now() + 25_000;
      rekey(pair, pair[who], what, 180_000);
      expect([what, who, judgeSettled(pair)]).toEqual([what, who, []]);
      expect(pair.reasons.get("temporary-failure")).toBeGreaterThan(0);
      expect(rekeysOf(pair, what)).toEqual([1, 1]);
    }
  }
});

test("RFC 9370: an end that goes on in another process finishes what is under way", () => {
  for (const what of WHATS) {
    for (let seed = 1; seed <= 6; seed++) {
      const pair = connected({ seed, rereadShare: 0.5, successionShare: 0.2 });
      rekey(pair, seed % 2 === 0 ? pair.a : pair.b, what, 60_000);
      expect([what, seed, judgeSettled(pair)]).toEqual([what, seed, []]);
      expect(pair.ivs.repeats).toEqual([]);
    }
  }
});

// The responder has the new Child SA when it sends its last answer; the initiator has it later.
const WHILE_LATE = { "is on its way": undefined, "is being worked on": 100 } as const;

test("RFC 9370: the responder rekeys the new Child SA while its last answer is on its way", () => {
  for (const [stage, lateMs] of Object.entries(WHILE_LATE)) {
    for (const isNew of [false, true]) {
      for (let seed = 1; seed <= 8; seed++) {
        const pair = answeredByB({ seed, isNew, lateMs });
        rekey(pair, pair.b, "children", 90_000);
        const at = `${stage} ${isNew} ${seed}`;
        expect([at, judgeSettled(pair)]).toEqual([at, []]);
        expect([at, pair.reasons.get("child-sa-not-found")]).toEqual([at, undefined]);
        expectEmptyAfterAll(pair);
      }
    }
  }
});

test("RFC 9370: the responder deletes the new Child SA while its last answer is on its way", () => {
  for (const [stage, lateMs] of Object.entries(WHILE_LATE)) {
    for (const isNew of [false, true]) {
      for (let seed = 1; seed <= 8; seed++) {
        const pair = answeredByB({ seed, isNew, lateMs });
        expireChild(pair, pair.b, childrenAt(pair.b).at(-1)?.spiIn);
        pair.runUntil(pair.now() + 1_000);
        pair.feed(pair.b, { kind: "connect", peerId: pair.b.peerId });
        pair.runUntil(pair.now() + 90_000);
        const at = `${stage} ${isNew} ${seed}`;
        expect([at, judgeSettled(pair)]).toEqual([at, []]);
        expectEmptyAfterAll(pair);
      }
    }
  }
});

/** End a has asked for a Child SA; end b has just made it, and has sent its last answer. */
function answeredByB(how: {
  readonly seed: number;
  readonly isNew: boolean;
  /** How long the last key exchange of end a takes. */
  readonly lateMs: number | undefined;
}): Pair {
  let lateMs: number | undefined;
  const pair = connected({ seed: how.seed, lateMs: () => lateMs });
  const [old] = childrenAt(pair.b);
  if (how.isNew) {
    expireChild(pair, pair.b, old?.spiIn);
    pair.runUntil(pair.now() + 1_000);
    expect([pair.a, pair.b].map((end) => childrenAt(end).length)).toEqual([0, 0]);
    pair.feed(pair.a, { kind: "connect", peerId: pair.a.peerId });
  } else {
    pair.feed(pair.a, { kind: "rekey", peerId: pair.a.peerId, of: "children" });
  }
  const isMade = () => childrenAt(pair.b).some(({ spiIn }) => spiIn !== old?.spiIn);
  const until = pair.now() + 1_000;
  while (!isMade() && pair.now() < until) pair.runUntil(pair.now() + 1);
  expect(isMade()).toBe(true);
  // The answer has arrived, and the key exchange is not done.
  lateMs = how.lateMs;
  if (lateMs !== undefined) pair.runUntil(pair.now() + 25);
  lateMs = undefined;
  return pair;
}

function childrenAt({ concentrator }: End): readonly ChildSaView[] {
  const eroutes = concentrator.snapshot().eroutes(0, 10);
  return eroutes.flatMap(({ childSas }) => childSas);
}

/** The kernel of this end removes the Child SA. */
function expireChild(pair: Pair, end: End, spiIn: number | undefined): void {
  const model = [...end.kernel.states.values()].find(({ state }) => state.id.spi === spiIn);
  const expire = model === undefined ? undefined : end.kernel.expire(model);
  expect(expire).toBeDefined();
  if (expire !== undefined) pair.feed(end, { kind: "expire", expire });
}

test("both ends rekey the IKE SA at once, and go on in other processes meanwhile", () => {
  for (const suite of [IKE_SUITE, IKE]) {
    for (let seed = 1; seed <= 8; seed++) {
      const plan = (_: "a" | "b", given: EroutePlan) => withSuites(given, suite, ESP);
      const pair = connected({ seed, plan, successionShare: 0.4 });
      pair.feed(pair.a, { kind: "rekey", peerId: pair.a.peerId, of: "ike" });
      rekey(pair, pair.b, "ike", 5_000);
      // The ends have the same IKE SA: a request over it is answered.
      rekey(pair, pair.b, "children", 10_000);
      rekey(pair, pair.a, "children", 90_000);
      const at = `${suite === IKE} ${seed}`;
      expect([at, judgeSettled(pair)]).toEqual([at, []]);
      expect([at, pair.reasons.has("peer-silent")]).toEqual([at, false]);
      expect([at, pair.reasons.has("peer-deleted")]).toEqual([at, false]);
    }
  }
});

test("RFC 9370: an IKE SA that ends in the middle leaves nothing behind", () => {
  for (const what of WHATS) {
    for (let afterMs = 0; afterMs < 150; afterMs += 10) {
      const pair = connected();
      pair.feed(pair.a, { kind: "rekey", peerId: pair.a.peerId, of: what });
      pair.runUntil(pair.now() + afterMs);
      expectEmptyAfterAll(pair);
    }
  }
});

function rekey(pair: Pair, end: End, of: What, ms: number): void {
  pair.feed(end, { kind: "rekey", peerId: end.peerId, of });
  pair.runUntil(pair.now() + ms);
}

/** A pair, and the messages of IKE_FOLLOWUP_KE that it sends, those in fragments once. */
function counting(settings: Partial<PairSettings> = {}) {
  const messages = new Set<string>();
  const loses = (octets: Uint8Array): boolean => {
    if (octets[18] === ExchangeType.IKE_FOLLOWUP_KE) messages.add(octets.toHex().slice(0, 48));
    return false;
  };
  return { pair: connected({ ...settings, loses }), messages };
}

function withSuites(plan: EroutePlan, ike: Suite, esp: Suite): EroutePlan {
  return {
    ...plan,
    eroutes: plan.eroutes.map((eroute) => ({ ...eroute, ike: [ike], esp: [esp] })),
  };
}

function connected(settings: Partial<PairSettings> = {}): Pair {
  const plan = (_: "a" | "b", given: EroutePlan) => withSuites(given, IKE, ESP);
  const all = { seed: 1, weather: FINE, plan, ...settings };
  const { rereadShare = 0, successionShare = 0 } = settings;
  // A negotiation does not outlive its process.
  const pair = layPair(Object.assign(all, { rereadShare: 0, successionShare: 0 }));
  pair.feed(pair.a, { kind: "connect", peerId: pair.a.peerId });
  pair.runUntil(pair.now() + 20_000);
  expect(judgeSettled(pair)).toEqual([]);
  Object.assign(all, { rereadShare, successionShare });
  return pair;
}

function expectEmptyAfterAll(pair: Pair): void {
  pair.feed(pair.a, { kind: "shutdown" });
  pair.feed(pair.b, { kind: "shutdown" });
  pair.runUntil(pair.now() + 60_000);
  expect(judgeEmpty(pair)).toEqual([]);
}

function rekeysOf({ a, b }: Pair, what: What): readonly number[] {
  return [a, b].map(({ concentrator }) => {
    const { ike_sas_rekeyed, child_sas_rekeyed } = concentrator.snapshot().counters;
    return what === "ike" ? ike_sas_rekeyed : child_sas_rekeyed;
  });
}

function algorithmsOf({ a, b }: Pair): readonly string[] {
  return [a, b].flatMap(({ concentrator }) =>
    concentrator
      .snapshot()
      .eroutes(0, 10)
      .flatMap(({ ikeSas }) => ikeSas.map(({ algorithms }) => algorithms)),
  );
}

function childAlgorithmsOf({ a, b }: Pair): readonly string[] {
  return [a, b].flatMap(({ concentrator }) =>
    concentrator
      .snapshot()
      .eroutes(0, 10)
      .flatMap(({ childSas }) => childSas.map(({ algorithms }) => algorithms)),
  );
}
