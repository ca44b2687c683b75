/** Guessing of keys: it is slowed down where it happens, and keeps no other site out. */

import { describe, expect, test } from "bun:test";
import { createRates } from "../../src/concentrator/rate.ts";
import { asInstant } from "../../src/octets/instant.ts";
import type { Caller } from "./caller.ts";
import { putRow, seat, settingsOf } from "./caller.ts";
import { BASE_EROUTE, CONCENTRATOR, endpointOf, planOf } from "./plan.ts";
import type { SiteSettings } from "./site-state.ts";
import { layTable, type Table } from "./table.ts";

const SILENT = {
  ...BASE_EROUTE,
  life: { ...BASE_EROUTE.life, unknownSites: "silent" },
} as const;
const WRONG = new TextEncoder().encode("wrong");
const from = (address: string, port: number): SiteSettings["path"] => ({
  local: endpointOf(address, port),
  remote: endpointOf(CONCENTRATOR, 500),
});

/** A guesser that presents the ID of site-1, from this address and any port. */
function guesser(table: Table, address: string, changes: Partial<SiteSettings> = {}): void {
  for (let port = 1_000; port < 1_050; port++) {
    attempt(table, { path: from(address, port), psk: WRONG, ...changes });
  }
}

function attempt(table: Table, changes: Partial<SiteSettings>, ms = 1_000): Caller {
  const caller = seat(table, settingsOf(1, changes));
  caller.connect();
  caller.settle();
  table.advance(ms);
  caller.settle();
  return caller;
}

const isUp = (caller: Caller) => caller.heard.some(({ kind }) => kind === "established");
const reasons = (table: Table) =>
  table.journal.filter(({ outcome }) => outcome === "failed").map(({ reason }) => reason);
const slowed = (table: Table) => table.concentrator.snapshot().counters.guesses_slowed;

describe("guessing of keys", () => {
  test("of 50 wrong keys in 50 seconds 15 are checked, and all get the same answer", () => {
    const table = layTable();
    putRow(table, 1);
    const answers = new Set<string>();
    for (let port = 1_000; port < 1_050; port++) {
      const { heard } = attempt(table, { path: from("192.0.2.99", port), psk: WRONG });
      answers.add(JSON.stringify(heard));
    }
    const looked = reasons(table).filter((reason) => reason === "wrong-psk").length;
    expect(looked).toBeGreaterThanOrEqual(14);
    expect(looked).toBeLessThanOrEqual(15);
    expect(reasons(table).filter((reason) => reason === "slowed-down")).toHaveLength(50 - looked);
    expect(slowed(table)).toBe(50 - looked);
    expect(answers.size).toBe(1);
  });

  test("attempts at the same time count one by one", () => {
    const table = layTable({ answersLookUps: false });
    putRow(table, 1);
    for (let port = 1_000; port < 1_050; port++) {
      const caller = seat(table, settingsOf(1, { path: from("192.0.2.99", port), psk: WRONG }));
      caller.connect();
      caller.settle();
    }
    expect(table.lookUps).toHaveLength(10);
  });

  test("even the right key is refused if it comes too early, and accepted a little later", () => {
    const table = layTable();
    putRow(table, 1);
    guesser(table, "192.0.2.99");
    expect(isUp(attempt(table, { path: from("192.0.2.99", 2_000) }))).toBe(false);
    table.advance(10_000);
    expect(isUp(attempt(table, { path: from("192.0.2.99", 2_001) }))).toBe(true);
  });

  test("repeats that get no answer are guesses as well", () => {
    const table = layTable({ plan: planOf({}, { unknownSites: "silent", eroutes: [SILENT] }) });
    putRow(table, 1);
    const callers: Caller[] = [];
    for (let port = 1_000; port < 1_030; port++) {
      callers.push(attempt(table, { path: from("192.0.2.99", port), psk: WRONG }, 0));
    }
    for (let again = 0; again < 4; again++) {
      table.advance(3_000);
      for (const caller of callers) caller.tick();
      for (const caller of callers) caller.settle();
    }
    expect(slowed(table)).toBeGreaterThan(50);
    const looked = reasons(table).filter((reason) => reason === "wrong-psk").length;
    expect(looked).toBeLessThanOrEqual(12);
  });

  test("an ID that has no row is slowed down alike", () => {
    const table = layTable();
    guesser(table, "192.0.2.99");
    expect(slowed(table)).toBeGreaterThan(30);
  });

  test("addresses of one /64 are one prefix", () => {
    const table = layTable();
    putRow(table, 1);
    const remote = endpointOf("2001:db8:1::1", 500);
    for (let host = 1; host <= 50; host++) {
      const local = endpointOf(`2001:db8::${host}`, 500);
      attempt(table, { path: { local, remote }, psk: WRONG });
    }
    expect(slowed(table)).toBeGreaterThan(30);
  });
});

describe("an honest site", () => {
  test("in another prefix is not slowed down by a guesser of its key", () => {
    const table = layTable();
    putRow(table, 1);
    guesser(table, "192.0.2.99");
    expect(isUp(attempt(table, {}))).toBe(true);
  });

  test("behind the guesser's NAT connects from its previous port", () => {
    const table = layTable();
    putRow(table, 1);
    const path = from("192.0.2.99", 500);
    expect(isUp(attempt(table, { path }))).toBe(true);
    guesser(table, "192.0.2.99");
    expect(slowed(table)).toBeGreaterThan(30);
    expect(isUp(attempt(table, { path }))).toBe(true);
  });

  test("with another ID is not slowed down behind the same NAT", () => {
    const table = layTable();
    putRow(table, 1);
    putRow(table, 2);
    guesser(table, "192.0.2.99");
    const other = seat(table, settingsOf(2, { path: from("192.0.2.99", 500) }));
    other.connect();
    other.settle();
    expect(isUp(other)).toBe(true);
  });

  test("that connects again and again does not count as failing", () => {
    const table = layTable();
    putRow(table, 1);
    for (let count = 0; count < 30; count++) expect(isUp(attempt(table, {}))).toBe(true);
  });

  test("that calls while the database is away does not count as failing either", () => {
    const table = layTable();
    putRow(table, 1);
    table.database.fail("timeout");
    for (let count = 0; count < 30; count++) attempt(table, {});
    table.database.fail(undefined);
    expect(isUp(attempt(table, {}))).toBe(true);
    expect(slowed(table)).toBe(0);
  });
});

test("the table of failures is bounded, and made-up IDs do not give a guesser new attempts", () => {
  const rates = createRates({ perSecond: 0.1, burst: 10 }, 100);
  const at = asInstant(0);
  for (let i = 0; i < 10; i++) rates.of("guessed", at).take(at);
  for (let i = 0; i < 10_000; i++) rates.of(`made-up ${i}`, at).take(at);
  expect(rates.size).toBe(100);
  expect(rates.of("guessed", at).take(at)).toBe(false);
});
