/**
 * Rekeys of the IKE SA by both ends cross: until it is known which of the two new ones stays (RFC
 * 7296 §2.8.2), something else has to be done at one end. It is done, and both ends agree.
 */

import { expect, test } from "bun:test";
import { patient } from "../../patience.ts";
import { DEEDS } from "./crossing.ts";
import type { End } from "./end.ts";
import { judgeSettled } from "./judge.ts";
import { FINE, layPair } from "./pair.ts";

/** One way of a message takes so long. */
const WAY_MS = 20;
/** When the other end begins its rekey: before the request of the first one has come. */
const SECONDS_MS = [0, 1, 10, 19];
/** When the third thing happens: before, between and after all messages of the rekeys. */
const THIRDS_MS = Array.from({ length: 16 }, (_, at) => 1 + at * 6);
/** Different nonces, so that either end wins. */
const SEEDS = [1, 2, 3, 4];
const LOST = [0, 1, 2, 3, 4];
/** An end deletes what the other one has not deleted. */
const SETTLE_MS = 45_000;

type Case = {
  readonly third: string;
  readonly at: "a" | "b";
  readonly secondMs: number;
  readonly thirdMs: number;
  readonly lost: number;
  readonly seed: number;
};

function* cases(third: string): Generator<Case> {
  for (const at of ["a", "b"] as const) {
    for (const secondMs of SECONDS_MS) {
      for (const thirdMs of THIRDS_MS) {
        for (const seed of SEEDS) {
          for (const lost of seed === 1 || seed === 4 ? LOST : [0]) {
            yield { third, at, secondMs, thirdMs, lost, seed };
          }
        }
      }
    }
  }
}

/** All three; returns the pair once everything is over, and the Child SAs of before. */
function run(
  { third, at, secondMs, thirdMs, lost, seed }: Case,
  { untilMs, wantedAgainMs }: { readonly untilMs: number; readonly wantedAgainMs?: number } = {
    untilMs: SETTLE_MS,
  },
) {
  let sent = 0;
  let counts = false;
  const pair = layPair({
    ...{ seed, weather: { ...FINE, delayMs: [WAY_MS, WAY_MS] }, eroute: { livenessMs: 20_000 } },
    loses: () => counts && ++sent === lost,
  });
  pair.feed(pair.a, { kind: "connect", peerId: pair.a.peerId });
  pair.runUntil(5_000);
  const before = spisOf(pair.a);
  counts = true;
  const from = pair.now();
  DEEDS["rekey IKE SA"]?.(pair, pair.a);
  pair.schedule.plan(from + secondMs, () => DEEDS["rekey IKE SA"]?.(pair, pair.b));
  pair.schedule.plan(from + thirdMs, () => DEEDS[third]?.(pair, pair[at]));
  if (wantedAgainMs !== undefined) {
    pair.schedule.plan(from + wantedAgainMs, () => DEEDS.connect?.(pair, pair[at]));
  }
  pair.runUntil(from + untilMs);
  return { pair, before };
}

test(
  "a rekey of the Child SA is not lost",
  () => {
    for (const one of cases("rekey Child SA")) {
      const { pair, before } = run(one);
      const complaints = judgeSettled(pair);
      const isRekeyed = !Bun.deepEquals(spisOf(pair.a), before);
      expect({ one, complaints, isRekeyed }).toEqual({ one, complaints: [], isRekeyed: true });
    }
  },
  patient(60_000),
);

test(
  "a Child SA that ends is deleted at both ends",
  () => {
    for (const one of cases("Child SA expires")) {
      const { pair } = run(one);
      const left = [pair.a, pair.b].map((end) => [spisOf(end).length, end.kernel.states.size]);
      if (left.flat().some((count) => count > 0)) console.error(pair.log.join("\n"));
      expect({ one, left }).toEqual({
        one,
        left: [
          [0, 0],
          [0, 0],
        ],
      });
    }
  },
  patient(60_000),
);

test(
  "a new Child SA is asked for",
  () => {
    for (const one of cases("new Child SA")) {
      const { pair } = run(one);
      const complaints = judgeSettled(pair);
      expect({ one, complaints }).toEqual({ one, complaints: [] });
    }
  },
  patient(60_000),
);

test("a new Child SA that was refused for now is asked for at once if it is wanted anew", () => {
  const lost = { lost: 1, seed: 1, secondMs: 10 };
  const one: Case = { third: "new Child SA", at: "b", thirdMs: 1, ...lost };
  const early = run(one, { untilMs: 2_500 }).pair;
  expect(early.reasons.get("peer-refused-temporary-failure")).toBe(1);
  expect(spisOf(early.b)).toEqual([]);
  const { pair } = run(one, { untilMs: 2_500, wantedAgainMs: 2_000 });
  expect([spisOf(pair.a).length, spisOf(pair.b).length]).toEqual([1, 1]);
});

function spisOf(end: End): readonly string[] {
  const eroutes = end.concentrator.snapshot().eroutes(0, 9);
  return eroutes.flatMap(({ childSas }) => childSas.map(({ spiIn }) => String(spiIn)));
}
