/**
 * Child SAs that outlive their IKE SA, as those of IKEv1 do: whatever ends an eroute in use also
 * removes them from the kernel and every table, and the journal says why (R5).
 */

import { expect, test } from "bun:test";
import { start } from "../../src/concentrator/drive.ts";
import { perform } from "../../src/concentrator/ike-effects.ts";
import { entryAt } from "../../src/concentrator/negotiation/ike-sas.ts";
import { settle } from "../../src/concentrator/negotiation/settle.ts";
import { eroutesOf } from "../../src/concentrator/sites/eroutes.ts";
import { forgetIkeSa } from "../../src/concentrator/sites/ike-sas.ts";
import type { EroutePlan } from "../../src/eroute/eroute.ts";
import { seat, settingsOf } from "./caller.ts";
import { rowOf } from "./database.ts";
import { connectAll, expectUntouched, namesOf, reasonsOf, rememberAll } from "./neighbours.ts";
import {
  BASE_EROUTE,
  CONCENTRATOR,
  endpointOf,
  NORMAL_EROUTE,
  planOf,
  selectorOf,
} from "./plan.ts";
import { layTable, type Table } from "./table.ts";

test("R5: Child SAs without an IKE SA continue, and are shown", () => {
  const table = orphaned();
  table.advance(3_600_000);
  expect(table.kernel.states.size).toBe(2);
  const [view] = table.concentrator.snapshot().site("site-1");
  expect(view).toMatchObject({ state: "established", ikeSas: [], peerAddress: "192.0.2.1" });
  expect(view?.childSas).toHaveLength(1);
  expect(table.concentrator.snapshot().isConnected("site-1")).toBe(true);
  expect(table.concentrator.tableSizes().ikeSas).toBe(0);
});

test("R5: they are removed when the kernel ends them", () => {
  const table = orphaned();
  for (const model of [...table.kernel.states.values()]) {
    const expire = table.kernel.expire(model);
    if (expire !== undefined) table.feed({ kind: "expire", expire });
  }
  expectGone(table, "removed");
  expect(table.journal.at(-1)?.detail).toEndWith("gone with its last SA: expired");
});

test("R5: they go when another program has removed their states for good", () => {
  const table = orphaned();
  for (const { state } of [...table.kernel.states.values()]) {
    table.kernel.perform({ op: "delete-state", id: state.id });
  }
  tellKernelTables(table);
  table.advance(60_000);
  tellKernelTables(table);
  table.advance(1_000);
  expectGone(table, "removed");
});

test("R7: they are evicted with the oldest when too few places are free; others stay", () => {
  const limits = { dynamicEroutesMax: 4, evictBelowFreePercent: 10, evictEveryMs: 10_000 };
  const table = layTable({ plan: planOf(limits) });
  connectAll(table, 4);
  orphan(table, "site-1");
  table.advance(10_000);
  expect(namesOf(table)).toEqual(["fleet/site-2", "fleet/site-3", "fleet/site-4"]);
  expect(table.kernel.states.size).toBe(6);
  expect(reasonsOf(table, "site-1").slice(-3)).toEqual(["evicted", "evicted", "removed"]);
  expect(table.concentrator.snapshot().counters.dynamic_eroutes_evicted).toBe(1);
});

test("R7: a site without an IKE SA does not count as one that leaves for another gateway", () => {
  const redirectTo = { host: "gw2.example", address: undefined };
  const limits = { dynamicEroutesMax: 4, evictBelowFreePercent: 10, evictEveryMs: 10_000 };
  const table = layTable({ plan: planOf({ ...limits, redirectTo }) });
  connectAll(table, 4);
  orphan(table, "site-1");
  table.advance(10_000);
  expect(namesOf(table)).not.toContain("fleet/site-1");
});

test("they go when an operator disconnects the site", () => {
  const table = orphaned();
  table.feed({ kind: "disconnect", peerId: "site-1" });
  expectGone(table, "disconnected-by-hand");
  table.feed({ kind: "disconnect", peerId: "site-1" });
  expect(reasonsOf(table, "site-1").at(-1)).toBe("not-connected");
});

test("R6: they go when the site's row changes or is removed, not when another row does", () => {
  for (const reason of ["row-changed", "row-removed"]) {
    const table = layTable();
    connectAll(table, 2, 2);
    const before = rememberAll(table);
    connectAll(table, 1);
    orphan(table, "site-1");
    if (reason === "row-removed") table.database.remove("site-1");
    else table.database.put(rowOf("site-1", "another", "192.168.1.0"));
    table.feed({ kind: "row-changed", egroup: "sites", peerId: "site-1" });
    expectUntouched(table, before, 2);
    expect(namesOf(table)).toEqual(["fleet/site-2", "fleet/site-3"]);
    expect(reasonsOf(table, "site-1").slice(-3)).toEqual([reason, reason, "removed"]);
  }
});

test("an unchanged row leaves them alone", () => {
  const table = orphaned();
  table.feed({ kind: "row-changed", egroup: "sites", peerId: "site-1" });
  expect(table.kernel.states.size).toBe(2);
  expect(table.concentrator.snapshot().counters.row_checks).toBe(1);
});

test("they go when a new configuration has no eroute for the site", () => {
  const table = orphaned();
  const plan = planOf({}, { eroutes: [NORMAL_EROUTE] });
  table.feed({ kind: "configuration", plan });
  table.advance(10);
  expectGone(table, "reconfigured");
});

test("the same configuration leaves them alone", () => {
  const table = orphaned();
  table.feed({ kind: "configuration", plan: planOf() });
  table.advance(10);
  expect(table.kernel.states.size).toBe(2);
});

test("they go once the site has connected again, and not before", () => {
  const table = orphaned();
  const former = new Set(table.kernel.states.keys());
  const caller = seat(table, settingsOf(1));
  caller.connect();
  caller.settle();
  expect(caller.heard.map(({ kind }) => kind)).toEqual(["established", "child-up"]);
  table.advance(10_000);
  expect(table.kernel.states.size).toBe(2);
  expect([...table.kernel.states.keys()].filter((key) => former.has(key))).toEqual([]);
  expect(table.concentrator.tableSizes()).toMatchObject({ childSas: 1, ikeSas: 1, eroutes: 1 });
  expect(reasonsOf(table, "site-1")).toContain("replaced-by-newer");
});

test('uniqueness = "never": they stay when the site connects again', () => {
  const life = { ...BASE_EROUTE.life, uniqueness: "never" } as const;
  const table = orphaned(planOf({}, { eroutes: [{ ...BASE_EROUTE, life }] }));
  const caller = seat(table, settingsOf(1));
  caller.connect();
  caller.settle();
  table.advance(10_000);
  expect(table.concentrator.tableSizes()).toMatchObject({ childSas: 2, ikeSas: 1, eroutes: 1 });
  table.feed({ kind: "disconnect", peerId: "site-1" });
  table.advance(200_000);
  expectGone(table, "disconnected-by-hand");
});

test('R10: they keep the site\'s subnet; with overlap = "replace" they go for another site', () => {
  for (const overlap of ["refuse", "replace"] as const) {
    const life = { ...BASE_EROUTE.life, overlap };
    const table = orphaned(planOf({}, { eroutes: [{ ...BASE_EROUTE, life }] }));
    table.database.put(rowOf("site-2", "secret 2", "192.168.1.0"));
    const caller = seat(table, settingsOf(2, { tsI: [selectorOf("192.168.1.0/24")] }));
    caller.connect();
    caller.settle();
    table.advance(1_000);
    const isReplaced = overlap === "replace";
    expect(namesOf(table)).toEqual([isReplaced ? "fleet/site-2" : "fleet/site-1"]);
    expect(table.kernel.states.size).toBe(2);
    if (isReplaced) expect(reasonsOf(table, "site-1").at(-2)).toBe("subnet-taken-over");
  }
});

test("they go with the local address that their packets go to", () => {
  const table = orphaned();
  for (const text of [CONCENTRATOR, "192.0.2.250"]) {
    table.feed({ kind: "addresses", local: [endpointOf(text, 0).address] });
  }
  table.advance(20_000);
  expectGone(table, "address-gone");
});

test("they go at the shutdown, which is not over before", () => {
  const table = orphaned();
  table.feed({ kind: "shutdown" });
  expect(table.concentrator.isIdle()).toBe(false);
  table.advance(10);
  expect(table.concentrator.isIdle()).toBe(true);
  expectGone(table, "shutdown");
});

/** Site 1 is up with a Child SA, and its IKE SA has gone without it. */
function orphaned(plan: EroutePlan = planOf()): Table {
  const table = layTable({ plan });
  connectAll(table, 1);
  orphan(table, "site-1");
  expect(table.kernel.states.size).toBe(2);
  return table;
}

/** No version does this yet: the effect is carried out like those of a step in `deliver`. */
function orphan({ engine, feed }: Table, peerId: string): void {
  for (const { ikeSas } of eroutesOf(engine, peerId)) {
    for (const spi of [...ikeSas]) {
      const entry = entryAt(engine, spi);
      if (entry === undefined) throw new Error("an IKE SA that is not in the table");
      settle(engine, entry, undefined);
      const reason = { kind: "peer-deleted" } as const;
      perform(engine, entry, [{ kind: "ended", reason, childSasStay: true }], start);
      forgetIkeSa(engine, spi);
    }
  }
  feed({ kind: "deadline" });
}

/**
 * Nothing of the site is left, in the kernel or here; the last entries of the journal give the
 * reason `why`.
 */
function expectGone(table: Table, why: string): void {
  expect(table.kernel.states.size).toBe(0);
  expect(table.kernel.policies.size).toBe(0);
  const sizes = table.concentrator.tableSizes();
  expect(sizes).toMatchObject({ eroutes: 0, childSas: 0, policies: 0, reqids: 0, reach: 0 });
  expect(sizes).toMatchObject({ ikeSas: 0, namedIkeSas: 0, errands: 0, requests: 0, repairs: 0 });
  expect(reasonsOf(table, "site-1").slice(-3)).toContain(why);
  expect(table.concentrator.snapshot().counters.internal_errors).toBe(0);
}

/** The kernel has nothing of ours. */
function tellKernelTables({ feed }: Table): void {
  feed({ kind: "kernel-tables", states: new Set(), policies: new Set(), worn: new Set() });
}
