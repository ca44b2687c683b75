/** A row that demands a post-quantum key exchange of its site (RFC 9370). */

import { expect, test } from "bun:test";
import { DEFAULT_ESP_SUITES, DEFAULT_IKE_SUITES } from "../../../src/crypto/default-suites.ts";
import { isPostQuantumMethod } from "../../../src/crypto/post-quantum.ts";
import type { PeerRow } from "../../../src/eroute/row.ts";
import { judgeSettled } from "./judge.ts";
import { FINE, layPair, type Pair } from "./pair.ts";

const CLASSICAL = DEFAULT_IKE_SUITES.filter(
  ({ additional, ke }) => additional === undefined && !ke.some(isPostQuantumMethod),
);

type Site = "with ML-KEM" | "without ML-KEM";

/** End a has the row of end b, and the defaults. */
function pairOf(site: Site, post_quantum: string | null): Pair {
  const pair = layPair({
    ...{ seed: 1, weather: FINE, isDynamic: true },
    plan: (end, plan) => {
      const ike = end === "a" || site === "with ML-KEM" ? DEFAULT_IKE_SUITES : CLASSICAL;
      const suites = { ike, esp: DEFAULT_ESP_SUITES };
      return { ...plan, eroutes: plan.eroutes.map((one) => ({ ...one, ...suites })) };
    },
  });
  write(pair, post_quantum);
  return pair;
}

function write(pair: Pair, post_quantum: string | null): void {
  const found = pair.a.database.find({ by: "peerid", peerid: "end-b" });
  const [row] = found.ok ? found.value : [];
  if (row === undefined) throw new Error("there is no row of end b");
  pair.a.database.put({ ...row, post_quantum } satisfies PeerRow);
}

function connect(pair: Pair, who: "a" | "b"): void {
  pair.feed(pair[who], { kind: "connect", peerId: pair[who].peerId });
  pair.runUntil(pair.now() + 30_000);
}

/** The algorithms of the IKE SA that end a has; empty if there is none. */
function agreed({ a }: Pair): string {
  const [eroute] = a.concentrator.snapshot().eroutes(0, 1);
  return eroute?.ikeSas[0]?.algorithms ?? "";
}

const CALLERS = ["a", "b"] as const;

test("RFC 9370: a site with ML-KEM whose row demands it connects, and keeps it at a rekey", () => {
  for (const who of CALLERS) {
    const pair = pairOf("with ML-KEM", "1");
    connect(pair, who);
    expect([who, agreed(pair)]).toEqual([who, expect.stringContaining("ML_KEM_768")]);
    for (const end of [pair.a, pair.b]) {
      pair.feed(end, { kind: "rekey", peerId: end.peerId, of: "ike" });
      pair.runUntil(pair.now() + 30_000);
      expect([who, agreed(pair)]).toEqual([who, expect.stringContaining("ML_KEM_768")]);
    }
    expect(judgeSettled(pair)).toEqual([]);
  }
});

test("RFC 9370: a site without ML-KEM is refused if its row demands it, otherwise not", () => {
  for (const who of CALLERS) {
    for (const demand of [null, "0", "1", "true"]) {
      const pair = pairOf("without ML-KEM", demand);
      connect(pair, who);
      const isDemanded = demand === "1" || demand === "true";
      expect([who, demand, agreed(pair) === ""]).toEqual([who, demand, isDemanded]);
    }
  }
  const pair = pairOf("without ML-KEM", "1");
  connect(pair, "b");
  expect(pair.reasons.get("algorithms-of-eroute")).toBeGreaterThan(0);
});

test("R5: a new demand in the row closes a site that does not meet it, and no other", () => {
  for (const site of ["with ML-KEM", "without ML-KEM"] as const) {
    const pair = pairOf(site, null);
    connect(pair, "b");
    expect(agreed(pair)).not.toBe("");
    write(pair, "1");
    pair.feed(pair.a, { kind: "row-changed", egroup: "sites", peerId: "end-b" });
    pair.runUntil(pair.now() + 5_000);
    expect([site, agreed(pair) === ""]).toEqual([site, site === "without ML-KEM"]);
    if (site === "without ML-KEM") continue;
    write(pair, null);
    pair.feed(pair.a, { kind: "row-changed", egroup: "sites", peerId: "end-b" });
    pair.runUntil(pair.now() + 5_000);
    expect(judgeSettled(pair)).toEqual([]);
  }
});

test("a new configuration without ML-KEM closes a site whose row demands it, and no other", () => {
  for (const demand of ["1", null]) {
    const pair = pairOf("with ML-KEM", demand);
    connect(pair, "b");
    expect(agreed(pair)).toContain("ML_KEM_768");
    const eroutes = pair.plans.a.eroutes.map((eroute) => ({ ...eroute, ike: CLASSICAL }));
    pair.feed(pair.a, { kind: "configuration", plan: { ...pair.plans.a, eroutes } });
    pair.runUntil(pair.now() + 5_000);
    expect([demand, agreed(pair) === ""]).toEqual([demand, demand === "1"]);
  }
});
