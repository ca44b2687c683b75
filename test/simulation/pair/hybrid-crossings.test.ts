/** The same as crossings, while additional key exchanges are under way (RFC 9370 §2.2.4). */

import { expect, test } from "bun:test";
import { Ke } from "../../../src/crypto/transform.ts";
import type { EroutePlan } from "../../../src/eroute/eroute.ts";
import { ExchangeType } from "../../../src/wire/v2/exchange-type.ts";
import { patient } from "../../patience.ts";
import { ESP_SUITE, IKE_SUITE } from "../plan.ts";
import { cross, DEEDS } from "./crossing.ts";
import { FINE, layPair, type Pair } from "./pair.ts";

/** From the first message to the last of two more round trips, of 40 ms each. */
const OFFSETS_MS = [0, 10, 21, 30, 41, 50, 61, 70, 81, 90, 101, 110];

/** Which datagram after the beginning is lost, counted from 1; 0: none. */
const LOST = [0, 2, 3, 4, 5, 7];

const SEEDS = [1, 2];

const ADDITIONAL = { ike: [[Ke.ML_KEM_768], [Ke.ECP_384]], esp: [[Ke.ML_KEM_768]] };

function hybrid(_: "a" | "b", plan: EroutePlan): EroutePlan {
  const ike = [{ ...IKE_SUITE, additional: ADDITIONAL.ike }];
  const esp = [{ ...ESP_SUITE, ke: [Ke.X25519], additional: ADDITIONAL.esp }];
  return { ...plan, eroutes: plan.eroutes.map((eroute) => ({ ...eroute, ike, esp })) };
}

const BEGUN = ["rekey Child SA", "rekey IKE SA", "new Child SA"];

for (const first of BEGUN) {
  test(
    `crossings: ${first} with additional key exchanges at one end, anything at the other`,
    () => {
      for (const second of Object.keys(DEEDS)) {
        for (const offset of OFFSETS_MS) {
          for (const lost of LOST) {
            for (const seed of SEEDS) cross({ first, second, offset, lost, seed }, hybrid);
          }
        }
      }
    },
    patient(60_000),
  );
}

test("a Delete waits for the peer's additional key exchanges, but no more than 20 seconds", () => {
  const loses = (octets: Uint8Array) => octets[18] === ExchangeType.IKE_FOLLOWUP_KE;
  const pair = layPair({ seed: 1, weather: { ...FINE }, plan: hybrid, loses });
  pair.feed(pair.a, { kind: "connect", peerId: pair.a.peerId });
  pair.runUntil(10_000);
  expect(childSas(pair)).toBe(1);
  pair.feed(pair.a, { kind: "rekey", peerId: pair.a.peerId, of: "ike" });
  pair.runUntil(10_100);
  DEEDS["Child SA expires"]?.(pair, pair.b);
  pair.runUntil(25_000);
  expect(childSas(pair)).toBe(1);
  pair.runUntil(32_000);
  expect(childSas(pair)).toBe(0);
});

/** The Child SAs that end a has. */
function childSas({ a }: Pair): number {
  return a.concentrator
    .snapshot()
    .eroutes(0, 10)
    .flatMap((view) => view.childSas).length;
}
