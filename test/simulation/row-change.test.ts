/** A row that changes while its site is up affects only that site (R2, R5, R6). */

import { expect, test } from "bun:test";
import type { PeerRow } from "../../src/eroute/row.ts";
import { ok } from "../../src/octets/result.ts";
import { putRow, seat, settingsOf } from "./caller.ts";
import { rowOf } from "./database.ts";
import { connectAll, expectUntouched, namesOf, reasonsOf, rememberAll } from "./neighbours.ts";
import { BASE_EROUTE, planOf } from "./plan.ts";
import { layTable, type Table } from "./table.ts";

const ROW: PeerRow = rowOf("site-2", "secret 2", "192.168.2.0");

test("a row with the same content affects no site", () => {
  for (const row of [ROW, { ...ROW, remmsk: "255.255.255.0" }, { ...ROW, peerip: "192.0.2.9" }]) {
    const table = layTable();
    connectAll(table, 3);
    const before = rememberAll(table);
    table.database.put(row);
    tell(table, "site-2");
    expectUntouched(table, before, 3);
    expect(table.concentrator.snapshot().counters.row_checks).toBe(1);
    expect(table.sent).toEqual([]);
  }
});

test("R6: a row that has changed, or is gone, closes its own site and no other", () => {
  const changes: readonly (readonly [PeerRow | undefined, string, RegExp])[] = [
    [{ ...ROW, password: "another" }, "row-changed", /another password/],
    [{ ...ROW, remip: "192.168.99.0" }, "row-changed", /192\.168\.99\.0\/24, not 192\.168\.2\.0/],
    [{ ...ROW, ourid: "own.example" }, "row-changed", /another ourid/],
    [{ ...ROW, password: null }, "row-changed", /no password/],
    [{ ...ROW, remip: "10.9.9.0" }, "row-changed", /covers 192\.168\.0\.0\/16/],
    [{ ...ROW, disabled: "true" }, "row-disabled", /has disabled = true/],
    [{ ...ROW, remip: "192.168.2.0,192.168.77.0" }, "row-changed", /192\.168\.77\.0\/24/],
    [{ ...ROW, ppk: "0x00ff" }, "row-changed", /another PPK/],
    [{ ...ROW, ppk_id: "pq" }, "row-changed", /a ppk_id, but no ppk/],
    [{ ...ROW, if_id: "42" }, "row-changed", /another if_id/],
    [undefined, "row-removed", /no row for "site-2"/],
  ];
  for (const [row, reason, detail] of changes) {
    const table = layTable();
    const callers = connectAll(table, 3);
    const before = rememberAll(table);
    if (row === undefined) table.database.remove("site-2");
    else table.database.put(row);
    tell(table, "SITE-2");
    expectUntouched(table, before, 2);
    expect(namesOf(table)).toEqual(["fleet/site-1", "fleet/site-3"]);
    expect(reasonsOf(table, "site-2").slice(-3)).toEqual([reason, reason, "removed"]);
    expect(table.journal.find((entry) => entry.reason === reason)?.detail).toMatch(detail);
    callers[1]?.settle();
    expect(callers[1]?.heard.at(-1)).toMatchObject({ why: "deleted by concentrator" });
    expect(callers[0]?.heard.length).toBe(2);
  }
});

test("RFC 8784: a new PPK in a row closes nothing if the eroute uses none", () => {
  const plan = planOf({}, { eroutes: [{ ...BASE_EROUTE, ppk: "off" }] });
  const table = layTable({ plan });
  connectAll(table, 3);
  const before = rememberAll(table);
  table.database.put({ ...ROW, ppk: "0xno key at all" });
  tell(table, "site-2");
  table.database.put({ ...ROW, ppk: "0x00ff", ppk_id: "pq" });
  tell(table, "site-2");
  expectUntouched(table, before, 3);
  // If PPKs were in use, this site would not use its own.
  table.feed({ kind: "configuration", plan: planOf({}, { eroutes: [BASE_EROUTE] }) });
  expectUntouched(table, before, 3);
  tell(table, "site-2");
  expect(namesOf(table)).toEqual(["fleet/site-1", "fleet/site-3"]);
});

test("changed times in a row apply from now on, and close nothing", () => {
  const table = layTable();
  connectAll(table, 3);
  const before = rememberAll(table);
  table.database.put({ ...ROW, lifetime: "10m", inactivity: "20s" });
  tell(table, "site-2");
  expectUntouched(table, before, 3);
  expect(reasonsOf(table, "site-2").at(-1)).toBe("row-changed");
  tell(table, "site-2");
  const changes = table.journal.filter(({ reason }) => reason === "row-changed");
  expect(changes).toHaveLength(1);
});

test("nothing secret is in the journal when a key changes", () => {
  const table = layTable();
  connectAll(table, 2);
  table.database.put({ ...ROW, password: "brand new secret" });
  tell(table, "site-2");
  const text = JSON.stringify(table.journal);
  expect(text).toContain("row-changed");
  expect(text).not.toContain("brand new");
  expect(text).not.toContain("secret 2");
});

test("R6: a failing database disconnects no site; the row is read when it answers again", () => {
  const table = layTable();
  connectAll(table, 3);
  const before = rememberAll(table);
  table.database.remove("site-2");
  table.database.fail("unreachable");
  tell(table, "site-2");
  table.advance(60_000);
  expectUntouched(table, before, 3);
  expect(reasonsOf(table, undefined)).toEqual(["row-checks-fail"]);
  const { row_checks_failed: failed } = table.concentrator.snapshot().counters;
  expect(failed).toBeGreaterThan(3);
  expect(failed).toBeLessThan(10);
  table.database.fail(undefined);
  table.advance(30_000);
  expectUntouched(table, before, 2);
  expect(reasonsOf(table, undefined)).toEqual(["row-checks-fail", "row-checks-work"]);
  expect(table.concentrator.tableSizes().rowChecks).toBe(0);
});

test("a missing answer counts as a failure, and a late one is dropped", () => {
  const table = layTable({ answersLookUps: false, plan: planOf({ lookupMs: 5_000 }) });
  connectWaiting(table, 1);
  tell(table, "site-1");
  expect(table.lookUps.length).toBe(2);
  table.advance(5_000);
  table.lookUps[1]?.answer(ok([]));
  expect(namesOf(table)).toEqual(["fleet/site-1"]);
  expect(table.concentrator.snapshot().counters.late_answers).toBe(1);
  table.advance(1_000);
  expect(table.lookUps.length).toBe(3);
  table.lookUps[2]?.answer(ok([]));
  expect(namesOf(table)).toEqual([]);
});

test("a site that is not connected costs no look-up, and its next call reads the row", () => {
  const table = layTable({ plan: planOf({ unknownIdMs: 60_000 }) });
  const caller = seat(table, settingsOf(1));
  caller.connect();
  caller.settle();
  table.advance(1_000);
  caller.settle();
  expect(reasonsOf(table, "site-1")).toContain("no-row");
  putRow(table, 1);
  tell(table, "site-1");
  tell(table, "nobody");
  expect(table.concentrator.snapshot().counters.row_checks).toBe(0);
  caller.connect();
  caller.settle();
  expect(namesOf(table)).toEqual(["fleet/site-1"]);
});

test("a change that is reported while the old row is being read is not lost", () => {
  const table = layTable({ answersLookUps: false });
  putRow(table, 1);
  const caller = seat(table, settingsOf(1));
  caller.connect();
  caller.settle();
  const old = table.database.find({ by: "peerid", peerid: "site-1" });
  table.database.remove("site-1");
  tell(table, "site-1");
  table.lookUps[0]?.answer(old);
  expect(namesOf(table)).toEqual(["fleet/site-1"]);
  table.lookUps[1]?.answer(ok([]));
  expect(namesOf(table)).toEqual([]);
  expect(reasonsOf(table, "site-1")).toContain("row-removed");
});

test("a site that has called again with the new key stays up", () => {
  const table = layTable({ answersLookUps: false });
  connectWaiting(table, 1);
  table.database.put(rowOf("site-1", "brand new", "192.168.1.0"));
  tell(table, "site-1");
  const again = seat(table, settingsOf(1, { psk: new TextEncoder().encode("brand new") }));
  again.connect();
  again.settle();
  answer(table, 2);
  again.settle();
  answer(table, 1);
  expect(namesOf(table)).toEqual(["fleet/site-1"]);
  expect(table.concentrator.snapshot().eroutes(0, 1)[0]?.ikeSas.length).toBe(1);
});

test("a storm of changes: each row is read once, not all at a time, none is forgotten", () => {
  const table = layTable({ plan: planOf({ dynamicEroutesMax: 300 }), answersLookUps: false });
  for (let number = 1; number <= 200; number++) connectWaiting(table, number);
  table.lookUps.length = 0;
  for (let number = 1; number <= 200; number++) tell(table, `site-${number}`);
  for (let number = 100; number <= 200; number++) tell(table, `site-${number}`);
  for (let at = 0; at < table.lookUps.length; at++) {
    expect(table.lookUps.length - at).toBeLessThanOrEqual(64);
    const told = table.sent.length;
    table.lookUps[at]?.answer(ok([]));
    expect(table.sent.length - told).toBeLessThanOrEqual(32);
  }
  table.advance(20);
  expect(table.lookUps.length).toBe(200);
  expect(namesOf(table)).toEqual([]);
  const { rowChecks, errands } = table.concentrator.tableSizes();
  expect([rowChecks, errands]).toEqual([0, 0]);
});

test("an operator disconnects a site: its IKE SAs end, the others do not notice", () => {
  const table = layTable();
  const callers = connectAll(table, 3);
  const before = rememberAll(table);
  table.feed({ kind: "disconnect", peerId: "Site-2" });
  expectUntouched(table, before, 2);
  expect(reasonsOf(table, "site-2").slice(-2)).toEqual(["disconnected-by-hand", "removed"]);
  callers[1]?.settle();
  expect(callers[1]?.heard.at(-1)).toMatchObject({ why: "deleted by concentrator" });
  table.feed({ kind: "disconnect", peerId: "site-2" });
  expect(reasonsOf(table, "site-2").at(-1)).toBe("not-connected");
});

function tell(table: Table, peerId: string): void {
  table.feed({ kind: "row-changed", egroup: "sites", peerId });
}

/** Answers a waiting look-up with the present content of the table. */
function answer(table: Table, at: number): void {
  const lookUp = table.lookUps[at];
  if (lookUp !== undefined) lookUp.answer(table.database.find(lookUp.by));
}

function connectWaiting(table: Table, number: number): void {
  putRow(table, number);
  const caller = seat(table, settingsOf(number));
  caller.connect();
  caller.settle();
  answer(table, table.lookUps.length - 1);
  caller.settle();
}
