/** The table of dynamic eroutes: its limit, its oldest, and its end (R5, R7). */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { evictionCount } from "../../src/eroute/evict.ts";
import { type Caller, putRow, seat, settingsOf } from "./caller.ts";
import { planOf } from "./plan.ts";
import { layTable, type Table } from "./table.ts";

const ROOM_FOR_FOUR = planOf({
  dynamicEroutesMax: 4,
  evictBelowFreePercent: 10,
  evictEveryMs: 10_000,
});

test("R7: the oldest is removed and notified, so that a place is free again", () => {
  const table = layTable({ plan: ROOM_FOR_FOUR });
  const callers = connectAll(table, 4);
  table.advance(10_000);
  expect(namesOf(table)).toEqual(["fleet/site-2", "fleet/site-3", "fleet/site-4"]);
  expect(table.concentrator.snapshot().counters.dynamic_eroutes_evicted).toBe(1);
  callers[0]?.settle();
  expect(callers[0]?.heard.at(-1)).toMatchObject({ why: "deleted by concentrator" });
  expect(table.kernel.states.size).toBe(6);
  const entry = table.journal.find((noted) => noted.reason === "evicted");
  expect(entry).toMatchObject({ peerId: "site-1", eroute: "fleet/site-1" });
});

test("R7: none is removed while enough places are free", () => {
  const table = layTable({ plan: ROOM_FOR_FOUR });
  connectAll(table, 3);
  table.advance(60_000);
  expect(namesOf(table)).toEqual(["fleet/site-1", "fleet/site-2", "fleet/site-3"]);
});

test("R6 R7: while the table is full a new site gets no answer; one with a place connects", () => {
  const table = layTable({ plan: ROOM_FOR_FOUR });
  connectAll(table, 4);
  const [fifth] = connectAll(table, 1, 5);
  table.advance(1_000);
  fifth?.settle();
  // AUTHENTICATION_FAILED would make it give up for good: it repeats its request instead.
  expect(fifth?.heard).toEqual([]);
  expect(table.journal.map((entry) => entry.reason)).toContain("table-full");
  expect(table.concentrator.snapshot().counters.dynamic_eroutes_refused_full).toBe(1);
  const [again] = connectAll(table, 1, 2);
  expect(again?.heard.map((heard) => heard.kind)).toEqual(["established", "child-up"]);
  expect(namesOf(table).length).toBe(4);
});

test("R7: a site that reconnects keeps its place in the line", () => {
  const table = layTable({ plan: ROOM_FOR_FOUR });
  connectAll(table, 4);
  connectAll(table, 1, 1);
  table.advance(10_000);
  expect(namesOf(table)).toEqual(["fleet/site-2", "fleet/site-3", "fleet/site-4"]);
});

test("R7: normal eroutes do not count", () => {
  const table = layTable({ plan: planOf({ dynamicEroutesMax: 0 }) });
  const [caller] = connectAll(table, 1);
  table.advance(1_000);
  caller?.settle();
  expect(caller?.heard).toEqual([]);
  expect(table.journal.map((entry) => entry.reason)).toContain("table-full");
  expect(table.concentrator.snapshot().gauges.dynamicEroutes).toBe(0);
});

test("R7: a lower limit after a reload removes the surplus, in portions", () => {
  const plan = planOf({ dynamicEroutesMax: 100, evictEveryMs: 10_000 });
  const table = layTable({ plan });
  connectAll(table, 80);
  const limits = { ...plan.limits, dynamicEroutesMax: 10 };
  table.feed({ kind: "configuration", plan: { ...plan, limits } });
  table.advance(10_000);
  expect(namesOf(table).length).toBe(80 - 32);
  table.advance(10);
  expect(namesOf(table)).toEqual(
    Array.from({ length: 9 }, (_, index) => `fleet/site-${index + 72}`),
  );
});

test("R7: whatever the limits, the oldest are removed, and no more than necessary", () => {
  const cases = fc.record({ used: fc.nat(12), percent: fc.nat(99), spare: fc.nat(4) });
  fc.assert(
    fc.property(cases, ({ used, percent, spare }) => {
      const dynamicEroutesMax = Math.max(1, used + spare);
      const evictEveryMs = 10_000;
      const plan = planOf({ dynamicEroutesMax, evictBelowFreePercent: percent, evictEveryMs });
      const table = layTable({ plan });
      connectAll(table, used);
      const before = namesOf(table);
      table.advance(10_000);
      const gone = evictionCount(dynamicEroutesMax, used, percent);
      expect(namesOf(table)).toEqual(before.slice(gone));
    }),
    { numRuns: 60 },
  );
});

test("R5: the dynamic eroute goes with its last IKE SA", () => {
  const table = layTable();
  const [caller] = connectAll(table, 1);
  expect(namesOf(table)).toEqual(["fleet/site-1"]);
  caller?.ask({ kind: "delete-ike" });
  caller?.settle();
  expect(namesOf(table)).toEqual([]);
  expect(table.concentrator.snapshot().gauges.dynamicEroutes).toBe(0);
});

test("R5: a rekeyed IKE SA keeps the dynamic eroute, also when the old one is deleted", () => {
  const table = layTable();
  const [caller] = connectAll(table, 1);
  caller?.ask({ kind: "rekey-ike" });
  caller?.settle();
  table.advance(60_000);
  expect(namesOf(table)).toEqual(["fleet/site-1"]);
  expect(table.concentrator.tableSizes().ikeSas).toBe(1);
  caller?.ask({ kind: "delete-ike" });
  caller?.settle();
  expect(namesOf(table)).toEqual([]);
});

test("R5: a silent site is removed when the kernel ends its states", () => {
  const table = layTable();
  const [caller] = connectAll(table, 1);
  for (const model of [...table.kernel.states.values()]) {
    const expire = table.kernel.expire(model);
    if (expire !== undefined) table.feed({ kind: "expire", expire });
  }
  expect(table.kernel.policies.size).toBe(0);
  expect(namesOf(table)).toEqual(["fleet/site-1"]);
  table.advance(95_000);
  expect(namesOf(table)).toEqual([]);
  // The Delete of the Child SA seven times; no peer is left to notify about the IKE SA.
  expect(table.sent.length).toBe(7);
  expect(caller?.heard.length).toBe(2);
});

test("R4: a dynamic eroute is named after base eroute and peer ID", () => {
  const table = layTable({ answersLookUps: false });
  const [caller] = connectAll(table, 1);
  expect(namesOf(table)).toEqual([]);
  table.lookUps[0]?.answer(table.database.find({ by: "peerid", peerid: "site-1" }));
  caller?.settle();
  expect(namesOf(table)).toEqual(["fleet/site-1"]);
  const [view] = table.concentrator.snapshot().eroutes(0, 1);
  expect(view).toMatchObject({ baseEroute: "fleet", peerId: "site-1", state: "established" });
});

function connectAll(table: Table, count: number, first = 1): readonly Caller[] {
  return Array.from({ length: count }, (_, index) => {
    putRow(table, first + index);
    const caller = seat(table, settingsOf(first + index));
    caller.connect();
    caller.settle();
    return caller;
  });
}

function namesOf(table: Table): readonly string[] {
  const { eroutes, erouteCount } = table.concentrator.snapshot();
  return eroutes(0, erouteCount).map((eroute) => eroute.name);
}
