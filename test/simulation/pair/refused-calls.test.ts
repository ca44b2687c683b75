/** Calls for packets that the other end refuses or does not answer (R12). */

import { expect, test } from "bun:test";
import type { EroutePlan } from "../../../src/eroute/eroute.ts";
import { REQID_MARK } from "../../../src/xfrm/request.ts";
import { prefixOfText } from "../plan.ts";
import { judgeSettled } from "./judge.ts";
import { FINE, layPair, type Pair } from "./pair.ts";

/** End b has another key for end a. */
function refusing(): Pair & { readonly plans: EroutePlan[] } {
  const plans: EroutePlan[] = [];
  const users = [{ name: "end-a", psk: new TextEncoder().encode("another") }];
  const plan = (end: "a" | "b", own: EroutePlan) => {
    plans.push(own);
    return end === "b" ? { ...own, users } : own;
  };
  return Object.assign(layPair({ seed: 1, weather: FINE, plan }), { plans });
}

/** The acquire for a packet of end a to end b, once a second. */
function acquireFor(pair: Pair, ms: number): void {
  const until = pair.now() + ms;
  const nobody = { family: 4, value: 0n } as const;
  const packet = {
    ...{ src: prefixOfText("10.0.0.7/32"), dst: prefixOfText("10.0.1.7/32") },
    ...{ protocol: 1, srcPort: undefined, dstPort: undefined },
  };
  const reqid = ((REQID_MARK << 24) | 1) >>> 0;
  const policy = { selector: packet, direction: "out", mark: undefined, ifId: undefined } as const;
  const acquire = { src: nobody, dst: nobody, reqid, packet, policy };
  for (let at = pair.now(); at < until; at += 1_000) {
    pair.feed(pair.a, { kind: "acquire", acquire });
    pair.runUntil(at + 1_000);
  }
}

const callsOf = (pair: Pair) => pair.a.concentrator.snapshot().counters.calls_started;
const HOUR_MS = 3_600_000;

test("R12: a site that refuses for good is called ever less often, and never given up", () => {
  const pair = refusing();
  acquireFor(pair, HOUR_MS);
  const first = callsOf(pair);
  // 15 s, 30 s, 1, 2, 4, 8 min, then every 10 min at most: each up to a fifth shorter.
  expect(first).toBeGreaterThan(8);
  expect(first).toBeLessThan(16);
  acquireFor(pair, HOUR_MS);
  expect(callsOf(pair) - first).toBeGreaterThan(4);
  expect(callsOf(pair) - first).toBeLessThan(9);
});

test("R12: an operator's command and a new configuration reset the wait", () => {
  const pair = refusing();
  const [planOfA] = pair.plans;
  if (planOfA === undefined) throw new Error("end a has a plan");
  for (const again of [
    () => pair.feed(pair.a, { kind: "connect", peerId: "end-b" }),
    () => pair.feed(pair.a, { kind: "configuration", plan: planOfA }),
  ]) {
    acquireFor(pair, HOUR_MS);
    again();
    const before = callsOf(pair);
    acquireFor(pair, 50_000);
    expect(callsOf(pair) - before).toBeGreaterThanOrEqual(2);
  }
});

test("R12: a site that does not answer is called at an unchanged pace", () => {
  const pair = layPair({ seed: 1, weather: FINE });
  pair.isCut = true;
  acquireFor(pair, HOUR_MS);
  expect(callsOf(pair)).toBeGreaterThan(60);
  pair.isCut = false;
  acquireFor(pair, 40_000);
  pair.runUntil(pair.now() + 30_000);
  expect(judgeSettled(pair)).toEqual([]);
});
