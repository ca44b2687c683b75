/**
 * Sites that are redirected: all of them, by their eroute, or because the table is full (RFC 5685).
 */

import { expect, test } from "bun:test";
import { parseAddress } from "../../src/inet/address.ts";
import { resultOf } from "../steps.ts";
import { type Caller, putRow, seat, settingsOf } from "./caller.ts";
import { BASE_EROUTE, planOf } from "./plan.ts";
import type { SiteSettings } from "./site-state.ts";
import { layTable, type Table } from "./table.ts";

const GATEWAY = { host: "192.0.2.200", address: parseAddress("192.0.2.200") };
/** GW Ident Type and Len, and the address. */
const IDENTITY = [1, 4, 192, 0, 2, 200];
/** How long a redirected site may stay. */
const REDIRECT_MS = 30_000;
const STATIC = planOf({}, { eroutes: [{ ...BASE_EROUTE, redirect: GATEWAY }] });

test("X-04: the answer to IKE_SA_INIT quotes Ni, and gives a stranger no place", () => {
  const table = layTable();
  table.feed({ kind: "redirect", peerId: undefined, to: GATEWAY });
  const caller = call(table, 1, { redirect: "supported" });
  const [answer] = redirectsIn(caller);
  expect([...(answer ?? [])].slice(0, 6)).toEqual(IDENTITY);
  expect(answer?.length).toBe(6 + 32);
  expect(table.concentrator.tableSizes()).toEqual(layTable().concentrator.tableSizes());
  expect(table.lookUps).toEqual([]);
  expect(table.journal.at(-1)).toMatchObject({ reason: "redirected", peerId: undefined });
});

test("X-04: a flood of strangers is answered at a bounded rate", () => {
  const table = layTable();
  table.feed({ kind: "redirect", peerId: undefined, to: GATEWAY });
  const caller = seat(table, settingsOf(1, { redirect: "supported" }));
  for (let i = 0; i < 1_000; i++) {
    caller.connect();
    caller.step();
  }
  const { redirects_sent, datagrams_rate_limited } = table.concentrator.snapshot().counters;
  expect(redirects_sent + datagrams_rate_limited).toBe(1_000);
  expect(redirects_sent).toBeLessThanOrEqual(500);
});

test("X-04: a site without support is not redirected: new ones connect, others stay up", () => {
  const table = layTable();
  call(table, 1);
  table.feed({ kind: "redirect", peerId: undefined, to: GATEWAY });
  const second = call(table, 2);
  table.advance(120_000);
  expect(redirectsIn(second)).toEqual([]);
  expect(gaugesOf(table)).toMatchObject({ ikeSas: 2, childSas: 2 });
  expect(resultOf(table.concentrator.snapshot().redirectable())).toEqual({ can: 0, cannot: 2 });
});

test("X-04: an eroute redirects its sites once they have the answer to IKE_AUTH", () => {
  const table = layTable({ plan: STATIC });
  const caller = call(table, 1, { redirect: "supported" });
  const heard = caller.heard.map(({ kind }) => kind);
  expect(heard).toEqual(["established", "child-up", "redirected"]);
  // No nonce: the message is authenticated.
  expect(redirectsIn(caller).map((data) => [...data])).toEqual([IDENTITY]);
  caller.ask({ kind: "delete-ike" });
  caller.settle();
  table.advance(10_000);
  expect(table.concentrator.tableSizes()).toEqual(layTable().concentrator.tableSizes());
  expect(table.journal.find(({ reason }) => reason === "redirected")).toMatchObject({
    ...{ step: "INFORMATIONAL", peerId: "site-1", eroute: "fleet/site-1" },
  });
  expect(table.journal.map(({ reason }) => reason)).not.toContain("peer-deleted");
});

test("X-04: strangers are told no gateway of an eroute", () => {
  const table = layTable({ plan: STATIC });
  const caller = call(table, 1, { redirect: "supported", psk: Uint8Array.of(1) });
  table.advance(500);
  caller.settle();
  expect(redirectsIn(caller)).toEqual([]);
  expect(table.concentrator.snapshot().counters.authentication_failures).toBe(1);
});

test("X-04: a site that does not leave has half a minute, then its IKE SA is deleted", () => {
  const table = layTable({ plan: STATIC });
  const caller = call(table, 1, { redirect: "supported" });
  table.advance(REDIRECT_MS - 1);
  expect(gaugesOf(table)).toMatchObject({ ikeSas: 1, childSas: 1 });
  table.advance(1);
  caller.settle();
  expect(caller.heard.at(-1)?.kind).toBe("ended");
  expect(gaugesOf(table)).toMatchObject({ ikeSas: 0, childSas: 0, dynamicEroutes: 0 });
});

test("R7 X-04: instead of an eviction new sites are redirected, unless redirected here", () => {
  const limits = { dynamicEroutesMax: 10, evictBelowFreePercent: 20, redirectTo: GATEWAY };
  const table = layTable({ plan: planOf(limits) });
  expect(callAll(table, 8).flatMap(redirectsIn)).toEqual([]);
  const ninth = call(table, 9, { redirect: "supported" });
  expect(redirectsIn(ninth).length).toBe(1);
  // It has half a minute to leave; no other site is evicted for it meanwhile.
  table.advance(REDIRECT_MS - 1);
  expect(table.concentrator.snapshot().counters.dynamic_eroutes_evicted).toBe(0);
  table.advance(1);
  ninth.settle();
  expect(gaugesOf(table).dynamicEroutes).toBe(8);
  // A connected site calls again: it has its place.
  expect(redirectsIn(call(table, 1, { redirect: "supported" }))).toEqual([]);
  expect(redirectsIn(call(table, 10, { redirect: "redirected" }))).toEqual([]);
  expect(redirectsIn(call(table, 11))).toEqual([]);
  table.advance(10_000);
  expect(table.concentrator.snapshot().counters.dynamic_eroutes_evicted).toBe(2);
});

test("X-04: connected sites are redirected fifty a second, in order, until it is stopped", () => {
  const table = layTable();
  const callers = callAll(table, 30);
  table.sent.splice(0);
  table.feed({ kind: "redirect", peerId: undefined, to: GATEWAY });
  const told = () => table.concentrator.snapshot().counters.redirects_sent;
  table.advance(0);
  expect(told()).toBe(5);
  table.advance(300);
  expect(told()).toBe(20);
  expect(table.concentrator.snapshot().redirecting).toEqual({ to: GATEWAY.host, waiting: 10 });
  table.feed({ kind: "redirect", peerId: undefined, to: undefined });
  table.advance(1_000);
  expect(told()).toBe(20);
  expect(table.concentrator.snapshot().redirecting).toBeUndefined();
  for (const caller of callers) caller.settle();
  table.advance(REDIRECT_MS);
  for (const caller of callers) caller.settle();
  // Sites that were told and have not left are closed; the others are up.
  expect(gaugesOf(table)).toMatchObject({ dynamicEroutes: 10, childSas: 10 });
  const redirected = table.journal.filter(({ reason }) => reason === "redirected");
  expect(new Set(redirected.map(({ peerId }) => peerId))).toEqual(
    new Set(Array.from({ length: 20 }, (_, i) => `site-${i + 1}`)),
  );
});

test("X-04: sites that cannot be redirected are passed over, a hundred in one turn", () => {
  const table = layTable({ plan: planOf({ dynamicEroutesMax: 1_000 }) });
  for (let number = 1; number <= 250; number++) call(table, number);
  const able = call(table, 251, { redirect: "supported" });
  table.feed({ kind: "redirect", peerId: undefined, to: GATEWAY });
  const waiting = () => table.concentrator.snapshot().redirecting?.waiting;
  table.advance(0);
  expect(waiting()).toBe(151);
  table.advance(100);
  expect(waiting()).toBe(51);
  table.advance(100);
  expect(waiting()).toBe(0);
  able.settle();
  expect(redirectsIn(able).length).toBe(1);
});

test("X-04: a rekeyed IKE SA can still be redirected; a new configuration is for new ones", () => {
  const table = layTable();
  const caller = call(table, 1, { redirect: "supported" });
  caller.ask({ kind: "rekey-ike" });
  caller.settle();
  table.feed({ kind: "configuration", plan: STATIC });
  table.advance(10_000);
  caller.settle();
  expect(gaugesOf(table)).toMatchObject({ dynamicEroutes: 1, childSas: 1 });
  table.feed({ kind: "redirect", peerId: "site-1", to: GATEWAY });
  caller.settle();
  table.advance(REDIRECT_MS);
  caller.settle();
  expect(gaugesOf(table)).toMatchObject({ dynamicEroutes: 0, childSas: 0 });
});

function call(table: Table, number: number, changes: Partial<SiteSettings> = {}): Caller {
  putRow(table, number);
  const caller = seat(table, settingsOf(number, changes));
  caller.connect();
  caller.settle();
  return caller;
}

/** The first sites, all of which can be redirected. */
function callAll(table: Table, count: number): readonly Caller[] {
  const numbers = Array.from({ length: count }, (_, i) => i + 1);
  return numbers.map((number) => call(table, number, { redirect: "supported" }));
}

function redirectsIn({ heard }: Caller): readonly Uint8Array[] {
  return heard.flatMap((output) => (output.kind === "redirected" ? [output.data] : []));
}

function gaugesOf(table: Table) {
  return table.concentrator.snapshot().gauges;
}
