/**
 * A process is killed after each event of a rekey, or before each effect, at either end, and any
 * one message is lost with it: the next process goes on, no SA is made anew, none is left over, no
 * packet is lost, and none is numbered like another one.
 */

import { expect, test } from "bun:test";
import type { Effect } from "../../../src/concentrator/effect.ts";
import { patient } from "../../patience.ts";
import { NORMAL_EROUTE } from "../plan.ts";
import { DEEDS } from "./crossing.ts";
import { judgeSettled } from "./judge.ts";
import { FINE, layPair, type Pair } from "./pair.ts";
import { startTraffic } from "./traffic.ts";

const WAY_MS = 20;
/** Both ends have had all their messages by then, also one that was repeated. */
const REKEY_MS = 10_000;
const SETTLE_MS = 260_000;
/** Which datagram of the rekey is lost, counted from 1; 0: none. */
const LOST = [0, 1, 2, 3, 4];

type Case = {
  readonly deed: string;
  /** Who begins. */
  readonly by: "a" | "b" | "both";
  readonly killed: "a" | "b";
  /** What is counted: it is killed after an event, or before an effect. */
  readonly in: "events" | "effects";
  /** Which of them, counted from 1. */
  readonly step: number;
  readonly lost: number;
};

/** Whether the killed end had that many events, or effects. */
function live(one: Case): boolean {
  const { deed, by, killed, step, lost } = one;
  let [sent, handled, counts] = [0, 0, false];
  const isIt = (end: string) => counts && end === killed && ++handled === step;
  const dies = (end: string, { kind }: Effect) => kind !== "journal" && isIt(end);
  const pair: Pair = layPair({
    ...{ seed: step, weather: { ...FINE, delayMs: [WAY_MS, WAY_MS] }, crashes: true },
    eroute: { livenessMs: 20_000 },
    loses: () => counts && ++sent === lost,
    ...(one.in === "events" ? { isKilled: isIt } : { dies }),
  });
  pair.feed(pair.a, { kind: "connect", peerId: pair.a.peerId });
  pair.runUntil(5_000);
  const before = establishedAt(pair);
  const traffic = startTraffic(pair, 50, pair.now() + REKEY_MS);
  counts = true;
  if (by !== "b") DEEDS[deed]?.(pair, pair.a);
  if (by !== "a") DEEDS[deed]?.(pair, pair.b);
  pair.runUntil(pair.now() + REKEY_MS);
  counts = false;
  const until = pair.now() + SETTLE_MS;
  let complaints = judgeSettled(pair);
  while (complaints.length > 0 && pair.now() < until) {
    pair.runUntil(pair.now() + 1_000);
    complaints = judgeSettled(pair);
  }
  const is = {
    complaints,
    established: establishedAt(pair) - before,
    lost: traffic.lost + traffic.blocked,
    bugs: pair.reasons.get("internal-error") ?? 0,
    ivs: pair.ivs.repeats,
    madeAgain: pair.a.kernel.madeAgain() + pair.b.kernel.madeAgain(),
  };
  const expected = { complaints: [], established: 0, lost: 0, bugs: 0, ivs: [], madeAgain: 0 };
  if (!Bun.deepEquals(is, expected)) console.error(pair.log.join("\n"));
  expect({ one, is }).toEqual({ one, is: expected });
  return handled >= step;
}

function establishedAt({ a, b }: Pair): number {
  return [a, b].reduce(
    (sum, { concentrator }) => sum + concentrator.snapshot().counters.ike_sas_established,
    0,
  );
}

const WAYS = [
  ["events", "killed after each event"],
  ["effects", "killed before each effect"],
] as const;

for (const deed of ["rekey Child SA", "rekey IKE SA"]) {
  for (const [by, [counted, how]] of (["a", "b", "both"] as const).flatMap((by) =>
    WAYS.map((way) => [by, way] as const),
  )) {
    test(
      `${deed} by ${by}: ${how}, with any message lost`,
      () => {
        for (const killed of ["a", "b"] as const) {
          for (const lost of LOST) {
            let step = 1;
            while (live({ deed, by, killed, in: counted, step, lost })) step++;
            // More than the request and the answer: each end also deletes, or hears of it.
            expect(step).toBeGreaterThan(2);
          }
        }
      },
      patient(120_000),
    );
  }
}

test(
  "a call and its answer: killed after each event, half-open or not, it comes up all the same",
  () => {
    for (const killed of ["a", "b"] as const) {
      for (const lost of LOST) {
        let step = 1;
        while (call({ deed: "connect", by: "b", killed, in: "events", step, lost })) step++;
        expect(step).toBeGreaterThan(2);
      }
    }
  },
  patient(120_000),
);

/** A negotiation does not outlive its process: the caller begins anew, or its packets do. */
function call(one: Case): boolean {
  const { killed, step, lost } = one;
  let [sent, handled] = [0, 0];
  const pair: Pair = layPair({
    ...{ seed: step, weather: { ...FINE, delayMs: [WAY_MS, WAY_MS] }, crashes: true },
    eroute: { livenessMs: 20_000 },
    ...{ isDynamic: true, lateMs: () => 5 },
    loses: () => ++sent === lost,
    isKilled: (end) => end === killed && ++handled === step,
  });
  const until = pair.now() + SETTLE_MS;
  let complaints: readonly string[] = ["not called yet"];
  for (let round = 0; complaints.length > 0 && pair.now() < until; round++) {
    // To end a, it is a site of a table: a looks its row up.
    if (round % 15 === 0) pair.feed(pair.b, { kind: "connect", peerId: pair.b.peerId });
    pair.runUntil(pair.now() + 1_000);
    complaints = judgeSettled(pair);
  }
  const wasKilled = handled >= step;
  if (complaints.length > 0) console.error(pair.log.join("\n"));
  expect({ one, complaints, ivs: pair.ivs.repeats }).toEqual({ one, complaints: [], ivs: [] });
  return wasKilled;
}

test("a new Child SA of ours, killed before each effect: its policies and routes are there", () => {
  let step = 1;
  const eroute = { child: { ...NORMAL_EROUTE.child, routes: true } };
  for (let isOver = false; !isOver; step++) {
    let [handled, counts] = [0, false];
    const pair: Pair = layPair({
      ...{ seed: step, weather: FINE, crashes: true, eroute },
      dies: (end, { kind }) => counts && end === "a" && kind !== "journal" && ++handled === step,
    });
    pair.feed(pair.a, { kind: "connect", peerId: pair.a.peerId });
    pair.runUntil(5_000);
    counts = true;
    DEEDS["new Child SA"]?.(pair, pair.a);
    pair.runUntil(pair.now() + REKEY_MS);
    counts = false;
    pair.feed(pair.a, { kind: "connect", peerId: pair.a.peerId });
    pair.runUntil(pair.now() + REKEY_MS);
    const routes = [pair.a, pair.b].map(({ kernel }) => kernel.routes.size);
    expect([step, judgeSettled(pair), routes]).toEqual([step, [], [1, 1]]);
    isOver = handled < step;
  }
  expect(step).toBeGreaterThan(5);
});

test("a request that is repeated after a crash, and its answer, have the same octets", () => {
  for (const killed of ["a", "b"] as const) {
    let [counts, kills] = [false, 0];
    const sent: Uint8Array[] = [];
    const pair: Pair = layPair({
      ...{ seed: 1, weather: { ...FINE, delayMs: [WAY_MS, WAY_MS] }, crashes: true },
      // The request of a comes through, all answers of b are lost.
      loses(octets) {
        if (counts) sent.push(octets.slice());
        return counts && sent.length % 2 === 0;
      },
      isKilled: (end) => counts && end === killed && ++kills <= 5,
    });
    pair.feed(pair.a, { kind: "connect", peerId: pair.a.peerId });
    pair.runUntil(5_000);
    counts = true;
    DEEDS["rekey IKE SA"]?.(pair, pair.a);
    pair.runUntil(pair.now() + 10_000);
    const requests = new Set(sent.filter((_, at) => at % 2 === 0).map((octets) => octets.toHex()));
    const answers = new Set(sent.filter((_, at) => at % 2 === 1).map((octets) => octets.toHex()));
    expect(sent.length).toBeGreaterThanOrEqual(4);
    expect([requests.size, answers.size]).toEqual([1, 1]);
    expect(pair.ivs.repeats).toEqual([]);
  }
});
