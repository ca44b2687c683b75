/** The default proposals: ML-KEM where both ends have it, and nobody is refused who has not. */

import { expect, test } from "bun:test";
import { DEFAULT_ESP_SUITES, DEFAULT_IKE_SUITES } from "../../../src/crypto/default-suites.ts";
import type { Suite } from "../../../src/crypto/suite.ts";
import { parseSuite } from "../../../src/crypto/suite-notation.ts";
import { judgeSettled } from "./judge.ts";
import { FINE, layPair, type Pair } from "./pair.ts";

/** As they were before additional key exchanges were known. */
const CLASSICAL = DEFAULT_IKE_SUITES.filter(({ additional }) => additional === undefined);
const DEMANDED = suiteOf("aes256gcm16-prfsha256-x25519-ke1_mlkem1024");

type Ends = { readonly a: readonly Suite[]; readonly b: readonly Suite[] };

function pairOf({ a, b }: Ends): Pair {
  const pair = layPair({
    ...{ seed: 1, weather: FINE },
    plan: (end, plan) => {
      const suites = { ike: end === "a" ? a : b, esp: DEFAULT_ESP_SUITES };
      return { ...plan, eroutes: plan.eroutes.map((one) => ({ ...one, ...suites })) };
    },
  });
  pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
  pair.runUntil(60_000);
  return pair;
}

function suiteOf(text: string): Suite {
  const parsed = parseSuite(text, "ike");
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
}

/** The key exchanges of the IKE SA at each end: `X25519/ML_KEM_768`; empty if there is none. */
function exchangesOf(pair: Pair): readonly string[] {
  return [pair.a, pair.b].map(({ concentrator }) => {
    const [eroute] = concentrator.snapshot().eroutes(0, 1);
    return eroute?.ikeSas[0]?.algorithms.replace(/^.*PRF_HMAC_SHA2_\d+\//, "") ?? "";
  });
}

test.each([
  ["both ends have the defaults", DEFAULT_IKE_SUITES, DEFAULT_IKE_SUITES, "X25519/ML_KEM_768"],
  ["the called end has no ML-KEM", DEFAULT_IKE_SUITES, CLASSICAL, "X25519"],
  ["the calling end has no ML-KEM", CLASSICAL, DEFAULT_IKE_SUITES, "X25519"],
  ["the called end demands it", DEFAULT_IKE_SUITES, [DEMANDED], "X25519/ML_KEM_1024"],
  ["the calling end demands it", [DEMANDED], DEFAULT_IKE_SUITES, "X25519/ML_KEM_1024"],
] as const)(
  "RFC 9370: %s: they connect, and either end rekeys with the same",
  (_, a, b, wanted) => {
    const pair = pairOf({ a, b });
    expect(exchangesOf(pair)).toEqual([wanted, wanted]);
    let at = 60_000;
    for (const [end, peerId] of [
      [pair.a, "end-b"],
      [pair.b, "end-a"],
    ] as const) {
      for (const of of ["ike", "children"] as const) {
        pair.feed(end, { kind: "rekey", peerId, of });
        at += 60_000;
        pair.runUntil(at);
        expect(exchangesOf(pair)).toEqual([wanted, wanted]);
      }
    }
    expect(judgeSettled(pair)).toEqual([]);
  },
);

test("RFC 9370: an end that demands it does not connect with one that has none", () => {
  expect(exchangesOf(pairOf({ a: [DEMANDED], b: CLASSICAL }))).toEqual(["", ""]);
  expect(exchangesOf(pairOf({ a: CLASSICAL, b: [DEMANDED] }))).toEqual(["", ""]);
});
