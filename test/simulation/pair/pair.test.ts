/** Two whole concentrators against each other: calls, rekeys, collisions. */

import { expect, test } from "bun:test";
import { DEFAULT_CHILD, DEFAULT_LIFE } from "../../../src/eroute/defaults.ts";
import type { Prng } from "../prng.ts";
import { judgeEmpty, judgeSettled } from "./judge.ts";
import { FINE, layPair, type Pair } from "./pair.ts";
import { startTraffic } from "./traffic.ts";

test("R12: one end calls, both have one IKE SA and one Child SA with the same keys", () => {
  const pair = layPair({ seed: 1, weather: FINE });
  pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
  pair.runUntil(10_000);
  expectSettled(pair);
});

test("both ends call at the same time: one IKE SA stays, the same at both ends", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const pair = layPair({ seed, weather: FINE });
    pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
    pair.schedule.plan(1_000 + pair.prng.below(60), () =>
      pair.feed(pair.b, { kind: "connect", peerId: "end-a" }),
    );
    pair.runUntil(100_000);
    expectSettled(pair);
  }
});

test("rekeys of both ends, every few seconds, lose no packet", () => {
  const eroute = {
    child: { ...DEFAULT_CHILD, lifetimeSeconds: 3 },
    life: { ...DEFAULT_LIFE, ikeLifetimeMs: 5_000 },
  };
  for (let seed = 1; seed <= 20; seed++) {
    const pair = layPair({ seed, weather: FINE, eroute });
    pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
    pair.runUntil(2_000);
    const traffic = startTraffic(pair, 10, 120_000);
    pair.runUntil(121_000);
    if (traffic.lost > 0) console.error(pair.log.join("\n"));
    expect({ seed, lost: traffic.lost, blocked: traffic.blocked }).toEqual({
      ...{ seed, lost: 0, blocked: 0 },
    });
  }
});

test("a storm of rekeys over a slow path, refused for now and repeated, leaves no gap", () => {
  const eroute = {
    child: { ...DEFAULT_CHILD, lifetimeSeconds: 9 },
    life: { ...DEFAULT_LIFE, ikeLifetimeMs: 6_000 },
  };
  let refused = 0;
  for (let seed = 1; seed <= 20; seed++) {
    const lateMs = (late: Prng) => (late.chance(0.3) ? late.between(0, 300) : undefined);
    const pair = layPair({ seed, weather: { ...FINE, delayMs: [150, 250] }, eroute, lateMs });
    pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
    pair.runUntil(10_000);
    const traffic = startTraffic(pair, 100, 300_000);
    pair.runUntil(301_000);
    const { lost, blocked } = traffic;
    expect({ seed, lost, blocked }).toEqual({ seed, lost: 0, blocked: 0 });
    refused += pair.reasons.get("peer-refused-temporary-failure") ?? 0;
    expect({ seed, over: pair.reasons.get("lifetime-over") }).toEqual({ seed, over: undefined });
  }
  expect(refused).toBeGreaterThan(20);
});

test("§2.4: incoming packets show that the peer is alive: no check while they flow", () => {
  const pair = layPair({ seed: 1, weather: FINE, eroute: { livenessMs: 5_000 } });
  pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
  pair.runUntil(5_000);
  startTraffic(pair, 1_000, 60_000);
  pair.forgetLog();
  pair.runUntil(60_000);
  const asked = () => pair.log.filter((line) => line.includes("send INFORMATIONAL request")).length;
  expect(asked()).toBe(0);
  expect(pair.log.some((line) => line.includes("query-state"))).toBe(true);
  // Without them both ends check again.
  pair.runUntil(80_000);
  expect(asked()).toBeGreaterThan(2);
});

test("shutting down one end leaves nothing at either end", () => {
  const pair = layPair({ seed: 3, weather: FINE });
  pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
  pair.runUntil(10_000);
  pair.feed(pair.a, { kind: "shutdown" });
  pair.runUntil(40_000);
  expect(judgeEmpty(pair)).toEqual([]);
});

function expectSettled(pair: Pair): void {
  const complaints = judgeSettled(pair);
  if (complaints.length > 0) console.error(pair.log.join("\n"));
  expect(complaints).toEqual([]);
}
