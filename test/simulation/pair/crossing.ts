/** Both ends do something at once: one crossing, and whether all is well after it. */

import { expect } from "bun:test";
import type { End } from "./end.ts";
import { judgeSettled } from "./judge.ts";
import { FINE, layPair, type Pair, type PairSettings } from "./pair.ts";

/** What an end can begin. */
export const DEEDS: Readonly<Record<string, (pair: Pair, end: End) => void>> = {
  connect: (pair, end) => pair.feed(end, { kind: "connect", peerId: end.peerId }),
  "rekey Child SA": (pair, end) =>
    pair.feed(end, { kind: "rekey", peerId: end.peerId, of: "children" }),
  "rekey IKE SA": (pair, end) => pair.feed(end, { kind: "rekey", peerId: end.peerId, of: "ike" }),
  "Child SA expires": (pair, end) => expireOne(pair, end),
  "new Child SA": (pair, end) => {
    expireOne(pair, end);
    pair.feed(end, { kind: "connect", peerId: end.peerId });
  },
  disconnect: (pair, end) => pair.feed(end, { kind: "disconnect", peerId: end.peerId }),
};

/** One way of a message takes so long. */
const WAY_MS = 20;

/** Until calls, retransmissions, and SAs that the other end does not know are over. */
const SETTLE_MS = 260_000;

export type Crossing = {
  readonly first: string;
  readonly second: string;
  readonly offset: number;
  readonly lost: number;
  readonly seed: number;
};

/** From beginning to end; on failure it prints what happened. */
export function cross(crossing: Crossing, plan?: PairSettings["plan"]): void {
  const { first, second, offset, lost, seed } = crossing;
  let sent = 0;
  let counts = false;
  const weather = { ...FINE, delayMs: [WAY_MS, WAY_MS] as const };
  const pair = layPair({
    ...{ seed, weather, eroute: { livenessMs: 20_000 } },
    ...(plan === undefined ? {} : { plan }),
    loses: () => counts && ++sent === lost,
  });
  if (first !== "connect") {
    pair.feed(pair.a, { kind: "connect", peerId: pair.a.peerId });
    pair.runUntil(5_000);
  }
  counts = true;
  DEEDS[first]?.(pair, pair.a);
  pair.schedule.plan(pair.now() + offset, () => DEEDS[second]?.(pair, pair.b));
  pair.runUntil(pair.now() + 1_000);
  // Whatever happened: if a connection is wanted, there is one.
  const until = pair.now() + SETTLE_MS;
  let complaints = judgeSettled(pair);
  for (let round = 0; complaints.length > 0 && pair.now() < until; round++) {
    if (round % 15 === 0) pair.feed(pair.a, { kind: "connect", peerId: pair.a.peerId });
    pair.runUntil(pair.now() + 1_000);
    complaints = judgeSettled(pair);
  }
  if (complaints.length > 0) console.error(pair.log.join("\n"));
  expect({ crossing, complaints }).toEqual({ crossing, complaints: [] });
}

function expireOne(pair: Pair, end: End): void {
  const [model] = end.kernel.states.values();
  const expire = model === undefined ? undefined : end.kernel.expire(model);
  if (expire !== undefined) pair.feed(end, { kind: "expire", expire });
}
