/** Liveness: a silent site is checked, an answer is enough, silence ends it (RFC 7296 §2.4). */

import { expect, test } from "bun:test";
import { type Caller, putRow, seat, settingsOf } from "./caller.ts";
import { BASE_EROUTE, planOf } from "./plan.ts";
import { layTable, type Table } from "./table.ts";

const LIVENESS_MS = 30_000;
const SITES = 80;

test("a site that answers stays up, and is checked once in each silence", () => {
  const { table, caller } = connected();
  for (let round = 1; round <= 5; round++) {
    table.advance(LIVENESS_MS - 1);
    expect(table.sent.length).toBe(0);
    table.advance(1);
    expect(table.sent.length).toBe(1);
    caller.settle();
  }
  expect(table.concentrator.snapshot().gauges.ikeSas).toBe(1);
});

test("any new message of the site counts: it is not checked while it sends", () => {
  const { table, caller } = connected();
  for (let round = 1; round <= 5; round++) {
    table.advance(LIVENESS_MS - 1);
    caller.ask({ kind: "liveness" });
    caller.settle();
  }
  expect(table.sent).toEqual([]);
  expect(table.concentrator.snapshot().gauges.ikeSas).toBe(1);
});

test("a repeat of an old request does not show that the site is alive", () => {
  const { table, caller } = connected();
  caller.ask({ kind: "liveness" });
  const [request] = caller.outbox;
  caller.settle();
  table.advance(LIVENESS_MS - 1);
  if (request === undefined) throw new Error("one request");
  const { local, remote } = request.path;
  table.deliver(request.octets, { local: remote, remote: local });
  table.sent.splice(0);
  table.advance(1);
  expect(table.sent.length).toBe(1);
});

test("R5: a site that never answers is removed, with its Child SA and dynamic eroute", () => {
  const { table } = connected();
  table.advance(LIVENESS_MS + 95_000);
  expect(new Set(table.sent.map((sent) => sent.octets.toHex())).size).toBe(1);
  expect(table.sent.length).toBe(7);
  const { gauges } = table.concentrator.snapshot();
  expect(gauges).toMatchObject({ ikeSas: 0, childSas: 0, dynamicEroutes: 0 });
  expect([table.kernel.states.size, table.kernel.policies.size]).toEqual([0, 0]);
  expect(table.journal.map((entry) => entry.reason)).toContain("peer-silent");
});

test("while datagrams are lost, a silent site has longer: a flood may drown its answers", () => {
  const { table, caller } = connected();
  for (let second = 0; second < 150; second++) {
    table.feed({ kind: "datagrams-lost", datagrams: 100 });
    table.advance(1_000);
  }
  expect(table.sent.length).toBeGreaterThan(7);
  caller.settle();
  table.advance(LIVENESS_MS - 1);
  const { gauges, counters } = table.concentrator.snapshot();
  expect([gauges.ikeSas, counters.datagrams_lost]).toEqual([1, 15_000]);
  const told = table.journal.filter(({ reason }) => reason === "datagrams-lost");
  expect(told.length).toBe(3);
});

test("R5: a site that is silent through an endless flood is removed all the same", () => {
  const { table } = connected();
  for (let second = 0; second < 600; second++) {
    table.feed({ kind: "datagrams-lost", datagrams: 1 });
    table.advance(1_000);
  }
  expect(table.sent.length).toBe(13);
  expect(table.concentrator.snapshot().gauges.ikeSas).toBe(0);
});

test("the answer to the last copy is in time", () => {
  const { table, caller } = connected();
  table.advance(LIVENESS_MS + 50_000);
  expect(table.sent.length).toBe(7);
  table.sent.splice(0, 6);
  caller.settle();
  table.advance(29_999);
  expect(table.concentrator.snapshot().gauges.ikeSas).toBe(1);
});

test("copies are spread: sites that fell silent together are not checked together again", () => {
  const table = layTable({
    plan: { ...planOf(), eroutes: [{ ...BASE_EROUTE, livenessMs: 30_000 }] },
  });
  for (let number = 1; number <= SITES; number++) {
    putRow(table, number);
    const caller = seat(table, settingsOf(number));
    caller.connect();
    caller.settle();
  }
  table.sent.splice(0);
  table.advance(LIVENESS_MS);
  expect(table.sent.splice(0).length).toBe(SITES);
  // The first wait is 1 s, a fifth more or less.
  table.advance(799);
  expect(table.sent.length).toBe(0);
  const perStep: number[] = [];
  for (let ms = 800; ms <= 1_200; ms += 20) {
    table.advance(20);
    perStep.push(table.sent.splice(0).length);
  }
  expect(perStep.reduce((sum, count) => sum + count, 0)).toBe(SITES);
  expect(Math.max(...perStep)).toBeLessThan(SITES / 5);
});

test("without dpd no site is checked", () => {
  const { table } = connected("off");
  // Until the first rekey is due.
  table.advance(40 * 60_000);
  expect(table.sent).toEqual([]);
});

function connected(livenessMs: number | "off" = LIVENESS_MS): {
  readonly table: Table;
  readonly caller: Caller;
} {
  const plan = planOf();
  const silence = livenessMs === "off" ? undefined : livenessMs;
  const eroutes = [{ ...BASE_EROUTE, livenessMs: silence }];
  const table = layTable({ plan: { ...plan, eroutes } });
  putRow(table, 1);
  const caller = seat(table, settingsOf(1));
  caller.connect();
  caller.settle();
  expect(table.concentrator.snapshot().gauges.ikeSas).toBe(1);
  table.sent.splice(0);
  return { table, caller };
}
