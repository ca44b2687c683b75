/** Calls with IKEv1 whose messages are changed on the way: they do no harm. */

import { expect, test } from "bun:test";
import type { ErouteAuth, Ikev1Rule } from "../../../src/eroute/eroute.ts";
import { IKEV1_ESP_SUITE, IKEV1_IKE_SUITE } from "../ikev1-suites.ts";
import { createPrng, type Prng } from "../prng.ts";
import { TOY_ANCHORS, toyRsaKey } from "../toy-signature.ts";
import { judgeSettled } from "./judge.ts";
import { FINE, layPair, type PairSettings } from "./pair.ts";

const SEEDS = 400;
/** Phase 1, Quick Mode, and what follows them. */
const MESSAGES = 12;
const MS_MAX = 1_000_000;

const RULE: Omit<Ikev1Rule, "mode"> = {
  ...{ legacy: false, xauth: false, pushesConfig: false, sha256With96Bits: false },
  ...{ ike: [IKEV1_IKE_SUITE], esp: [IKEV1_ESP_SUITE] },
};

function certified(end: "a" | "b"): ErouteAuth {
  const key = toyRsaKey(`end-${end}`);
  const peer = { kind: "certificate", anchors: TOY_ANCHORS } as const;
  return { own: { kind: "signature", key }, peer };
}

const WAYS: readonly (readonly [string, Ikev1Rule["mode"], Partial<PairSettings>])[] = [
  ["Main Mode with certificates", "main", { auth: certified }],
  ["Main Mode with a key", "main", {}],
  ["Aggressive Mode", "aggressive", {}],
];

for (const [way, mode, more] of WAYS) {
  test(`${way}: changed octets do no harm, and the site is reached`, () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const prng = createPrng(seed);
      const [changed, octetsMax] = [prng.between(0, MESSAGES - 1), prng.between(1, 4)];
      let sent = 0;
      const loses = (octets: Uint8Array) => {
        if (sent++ === changed) damage(octets, prng, octetsMax);
        return false;
      };
      const eroute = { versions: { v2: false, v1: { ...RULE, mode } } };
      const pair = layPair({ seed, weather: FINE, eroute, loses, ...more });
      // A call that fails is made again. If the change makes one end see a NAT, which nothing
      // authenticates, no Quick Mode succeeds until the empty ISAKMP SA is closed.
      let complaints: readonly string[] = ["not called yet"];
      while (complaints.length > 0 && pair.now() < MS_MAX) {
        pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
        pair.runUntil(pair.now() + 100_000);
        complaints = judgeSettled(pair);
      }
      if (complaints.length > 0) console.error([way, seed, changed, ...pair.log].join("\n"));
      expect([seed, complaints]).toEqual([seed, []]);
      for (const end of [pair.a, pair.b]) {
        expect(end.concentrator.snapshot().counters.internal_errors).toBe(0);
      }
    }
  });
}

/** In place: what is sent is what arrives. */
function damage(octets: Uint8Array, prng: Prng, octetsMax: number): void {
  for (let i = 0; i < octetsMax; i++) {
    octets[prng.between(0, octets.length - 1)] = prng.between(0, 255);
  }
}
