/** The group in which a site got keys by Quick Mode is remembered when it connects again. */

import { expect, test } from "bun:test";
import { Ke } from "../../../src/crypto/transform.ts";
import type { EroutePlan, IkeVersions } from "../../../src/eroute/eroute.ts";
import { IKEV1_ESP_SUITE, IKEV1_IKE_SUITE } from "../ikev1-suites.ts";
import { judgeSettled } from "./judge.ts";
import { FINE, layPair, type Pair } from "./pair.ts";

/** In our order; the site accepts only one of them. */
const OURS = [Ke.ECP_256, Ke.MODP_2048, Ke.NONE];

function laid(ofSite: readonly number[], more: { readonly isDynamic?: boolean } = {}): Pair {
  const plan = (end: "a" | "b", own: EroutePlan): EroutePlan => ({
    ...own,
    eroutes: own.eroutes.map((eroute) => ({
      ...eroute,
      versions: withGroups(end === "a" ? OURS : ofSite),
    })),
  });
  return layPair({ seed: 1, weather: FINE, plan, ...more });
}

function withGroups(ke: readonly number[]): IkeVersions {
  const v1 = {
    ...({ mode: "aggressive", legacy: false, xauth: false, pushesConfig: false } as const),
    sha256With96Bits: false,
    ike: [IKEV1_IKE_SUITE],
    esp: [{ ...IKEV1_ESP_SUITE, ke }],
  };
  return { v2: false, v1 };
}

/** Calls the site; how many Quick Modes it refuses until there is a Child SA. */
function refusalsOfCall(pair: Pair): number {
  const refused = () => pair.reasons.get("no-proposal-chosen") ?? 0;
  const before = refused();
  pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
  pair.runUntil(pair.now() + 20_000);
  expect(judgeSettled(pair)).toEqual([]);
  return refused() - before;
}

function disconnect(pair: Pair): void {
  pair.feed(pair.a, { kind: "disconnect", peerId: "end-b" });
  pair.runUntil(pair.now() + 5_000);
  expect(pair.a.concentrator.snapshot().isConnected("end-b")).toBe(false);
}

test("a site without PFS refuses two Quick Modes of the first call, and none later", () => {
  for (const isDynamic of [false, true]) {
    const pair = laid([Ke.NONE], { isDynamic });
    expect(refusalsOfCall(pair)).toBe(2);
    disconnect(pair);
    expect(refusalsOfCall(pair)).toBe(0);
  }
});

test("a site with one group of several as well", () => {
  const pair = laid([Ke.MODP_2048]);
  expect(refusalsOfCall(pair)).toBe(1);
  disconnect(pair);
  expect(refusalsOfCall(pair)).toBe(0);
});

test("the group of the site's own Quick Mode counts as well", () => {
  const pair = laid([Ke.MODP_2048]);
  pair.feed(pair.b, { kind: "connect", peerId: "end-a" });
  pair.runUntil(5_000);
  disconnect(pair);
  expect(refusalsOfCall(pair)).toBe(0);
});

test("a site that asks without PFS may take it: it is asked for our first group", () => {
  const pair = laid([Ke.NONE]);
  pair.feed(pair.b, { kind: "connect", peerId: "end-a" });
  pair.runUntil(5_000);
  disconnect(pair);
  expect(refusalsOfCall(pair)).toBe(2);
});

test("what a site took is forgotten: a new configuration, another row, a week", () => {
  for (const forget of [
    (pair: Pair) => pair.feed(pair.a, { kind: "configuration", plan: pair.plans.a }),
    (pair: Pair) => pair.feed(pair.a, { kind: "row-changed", egroup: "sites", peerId: "end-b" }),
    (pair: Pair) => pair.runUntil(pair.now() + 8 * 86_400_000),
  ]) {
    const pair = laid([Ke.NONE], { isDynamic: true });
    expect(refusalsOfCall(pair)).toBe(2);
    disconnect(pair);
    forget(pair);
    expect(refusalsOfCall(pair)).toBe(2);
  }
});
