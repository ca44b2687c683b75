/** The request for new keys that a site accepted is remembered when it connects again. */

import { expect, test } from "bun:test";
import { Ke } from "../../../src/crypto/transform.ts";
import type { EroutePlan } from "../../../src/eroute/eroute.ts";
import { ESP_SUITE } from "../plan.ts";
import { judgeSettled } from "./judge.ts";
import { FINE, layPair, type Pair } from "./pair.ts";

/** Both groups in our order; the site accepts only the second one. */
const OURS = [{ ...ESP_SUITE, ke: [Ke.X25519, Ke.ECP_256] }];
const DAY_MS = 86_400_000;

function connected(ofSite: readonly number[], more: { isDynamic?: boolean } = {}): Pair {
  const esp = (end: "a" | "b") => (end === "a" ? OURS : [{ ...ESP_SUITE, ke: ofSite }]);
  const plan = (end: "a" | "b", own: EroutePlan): EroutePlan => ({
    ...own,
    eroutes: own.eroutes.map((eroute) => ({ ...eroute, esp: esp(end) })),
  });
  const pair = layPair({ seed: 1, weather: FINE, plan, ...more });
  connect(pair);
  return pair;
}

function connect(pair: Pair): void {
  pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
  pair.runUntil(pair.now() + 5_000);
  expect(pair.a.concentrator.snapshot().isConnected("end-b")).toBe(true);
}

function disconnect(pair: Pair): void {
  pair.feed(pair.a, { kind: "disconnect", peerId: "end-b" });
  pair.runUntil(pair.now() + 5_000);
  expect(pair.a.concentrator.snapshot().isConnected("end-b")).toBe(false);
}

function reconnect(pair: Pair): void {
  disconnect(pair);
  connect(pair);
}

/** How many of our requests the site refuses until it has given new keys. */
function refusalsOfRekey(pair: Pair): number {
  const countOf = (reason: string) => pair.reasons.get(reason) ?? 0;
  const refused = () => countOf("invalid-ke-payload") + countOf("no-proposal-chosen");
  const [before, rekeyed] = [refused(), countOf("child-sa-rekeyed")];
  pair.feed(pair.a, { kind: "rekey", peerId: "end-b", of: "children" });
  pair.runUntil(pair.now() + 30_000);
  expect(countOf("child-sa-rekeyed")).toBeGreaterThan(rekeyed);
  return refused() - before;
}

test("a site that accepts another group than the IKE SA's is asked for it at once later", () => {
  const pair = connected([Ke.ECP_256]);
  expect(refusalsOfRekey(pair)).toBe(1);
  reconnect(pair);
  expect(refusalsOfRekey(pair)).toBe(0);
  expect(judgeSettled(pair)).toEqual([]);
});

test("the group of the site's own rekey counts as well, whoever calls", () => {
  const pair = connected([Ke.ECP_256]);
  pair.feed(pair.b, { kind: "rekey", peerId: "end-a", of: "children" });
  pair.runUntil(pair.now() + 30_000);
  expect(pair.reasons.get("child-sa-rekeyed")).toBe(2);
  pair.feed(pair.a, { kind: "disconnect", peerId: "end-b" });
  pair.runUntil(pair.now() + 5_000);
  pair.feed(pair.b, { kind: "connect", peerId: "end-a" });
  pair.runUntil(pair.now() + 5_000);
  expect(refusalsOfRekey(pair)).toBe(0);
});

test("what worked is forgotten with a new configuration, another row, and after a week", () => {
  for (const forget of [
    (pair: Pair) => pair.feed(pair.a, { kind: "configuration", plan: pair.plans.a }),
    (pair: Pair) => pair.feed(pair.a, { kind: "row-changed", egroup: "sites", peerId: "end-b" }),
    (pair: Pair) => pair.runUntil(pair.now() + 8 * DAY_MS),
  ]) {
    const pair = connected([Ke.ECP_256], { isDynamic: true });
    expect(refusalsOfRekey(pair)).toBe(1);
    disconnect(pair);
    forget(pair);
    connect(pair);
    expect(refusalsOfRekey(pair)).toBe(1);
  }
});
