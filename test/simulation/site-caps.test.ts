/** One site that makes ever more IKE SAs and Child SAs: how many it may keep. */

import { describe, expect, test } from "bun:test";
import { type Caller, putRow, seat, settingsOf } from "./caller.ts";
import { BASE_EROUTE, CONCENTRATOR, endpointOf, LIMITS, planOf } from "./plan.ts";
import { layTable, type Table } from "./table.ts";

const NEVER = {
  ...BASE_EROUTE,
  life: { ...BASE_EROUTE.life, uniqueness: "never" },
} as const;

function connected(options: Partial<typeof LIMITS> = {}): { table: Table; caller: Caller } {
  const table = layTable({ plan: planOf({ ...LIMITS, ...options }) });
  putRow(table, 1);
  const caller = seat(table, settingsOf(1, { deletesReplaced: false }));
  caller.connect();
  caller.settle();
  return { table, caller };
}

const gauges = (table: Table) => table.concentrator.snapshot().gauges;
const counters = (table: Table) => table.concentrator.snapshot().counters;
const noted = (table: Table, reason: string) =>
  table.journal.filter((entry) => entry.reason === reason && entry.level === "warning");

describe("IKE SAs of one site", () => {
  test("rekeying without a Delete leaves no more than the limit, and the site stays up", () => {
    const { table, caller } = connected();
    for (let count = 0; count < 100; count++) {
      caller.ask({ kind: "rekey-ike" });
      caller.settle();
    }
    expect(gauges(table).ikeSas).toBe(LIMITS.ikeSasPerSiteMax);
    expect(gauges(table).childSas).toBe(1);
    expect(counters(table).ike_sas_over_limit).toBe(101 - LIMITS.ikeSasPerSiteMax);
    expect(noted(table, "ike-sas-over-limit").length).toBeGreaterThan(0);
    caller.ask({ kind: "liveness" });
    caller.settle();
    expect(table.concentrator.snapshot().isConnected("site-1")).toBe(true);
  });

  test("what a rekey has replaced is removed after a while, with or without a Delete", () => {
    const { table, caller } = connected();
    for (let count = 0; count < 10; count++) {
      caller.ask({ kind: "rekey-ike" });
      caller.settle();
    }
    expect(gauges(table).ikeSas).toBe(11);
    table.advance(60_000);
    expect(gauges(table).ikeSas).toBe(1);
  });

  test('uniqueness = "never" has a limit: the oldest is removed, and its site is told', () => {
    const table = layTable({
      plan: planOf({ ...LIMITS, ikeSasPerSiteMax: 8 }, { eroutes: [NEVER] }),
    });
    putRow(table, 1);
    const callers: Caller[] = [];
    for (let port = 1_000; port < 1_012; port++) {
      const path = {
        local: endpointOf("192.0.2.1", port),
        remote: endpointOf(CONCENTRATOR, 500),
      };
      const caller = seat(table, settingsOf(1, { path }));
      callers.push(caller);
      caller.connect();
      caller.settle();
    }
    for (const caller of callers) caller.settle();
    expect(gauges(table).ikeSas).toBe(8);
    expect(gauges(table).childSas).toBe(8);
    const told = callers.map(({ heard }) => heard.some(({ kind }) => kind === "ended"));
    expect(told).toEqual([...Array(4).fill(true), ...Array(8).fill(false)]);
  });

  test("another site is not affected", () => {
    const { table, caller } = connected();
    putRow(table, 2);
    const other = seat(table, settingsOf(2));
    other.connect();
    other.settle();
    for (let count = 0; count < 50; count++) {
      caller.ask({ kind: "rekey-ike" });
      caller.settle();
    }
    expect(table.concentrator.snapshot().isConnected("site-2")).toBe(true);
    other.ask({ kind: "liveness" });
    other.settle();
    expect(other.heard.some(({ kind }) => kind === "ended")).toBe(false);
  });
});

describe("Child SAs of one site", () => {
  test("it keeps no more than the limit; the oldest is removed, and the site is told", () => {
    const { table, caller } = connected({ childSasPerSiteMax: 6 });
    for (let count = 0; count < 12; count++) {
      table.advance(10);
      caller.ask({ kind: "new-child" });
      caller.settle();
    }
    caller.settle();
    expect(gauges(table).childSas).toBe(6);
    expect(counters(table).child_sas_over_limit).toBe(7);
    expect(noted(table, "child-sas-over-limit")).toHaveLength(7);
    expect(caller.session().children).toHaveLength(6);
  });

  test("a rekey takes the place of what it replaces: nothing else is removed", () => {
    const { table, caller } = connected({ childSasPerSiteMax: 6 });
    for (let count = 0; count < 5; count++) {
      caller.ask({ kind: "new-child" });
      caller.settle();
    }
    for (const { spiIn } of [...caller.session().children]) {
      caller.ask({ kind: "rekey-child", spiIn });
      caller.settle();
    }
    expect(counters(table).child_sas_rekeyed).toBe(6);
    expect(counters(table).child_sas_over_limit).toBe(0);
  });
});
