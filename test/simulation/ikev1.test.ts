/** Routers that call with IKEv1: not answered, but noted. */

import { expect, test } from "bun:test";
import { createJournal } from "../../src/concentrator/journal/create-journal.ts";
import { Writer } from "../../src/octets/writer.ts";
import { createAttempts } from "../../src/why/attempts.ts";
import { asIkeSpi, emitHeader } from "../../src/wire/header.ts";
import { CONCENTRATOR, endpointOf } from "./plan.ts";
import { layTable, type Table } from "./table.ts";

const MAIN = 2;
const AGGRESSIVE = 4;

test("Aggressive Mode is noted under its ID, Main Mode under its address; none is answered", () => {
  const table = layTable();
  call(table, "192.0.2.7", AGGRESSIVE, "router-7");
  call(table, "192.0.2.8", MAIN);
  const journal = createJournal(10);
  const attempts = createAttempts();
  for (const entry of table.journal) attempts.note(journal.add(entry, 0));
  for (const [attempt] of [attempts.ofPeer("router-7"), attempts.ofAddress("192.0.2.8")]) {
    expect(attempt?.record).toMatchObject({ step: "IKEv1", outcome: "failed", reason: "ikev1" });
    expect(attempt?.record.detail).toContain("set its router to IKEv2");
  }
  expect(attempts.peersAt("192.0.2.7", 8)).toEqual(["router-7"]);
  expect(table.sent).toEqual([]);
  expect(table.concentrator.snapshot().counters.ikev1_calls).toBe(2);
  expect(table.concentrator.tableSizes().ikeSas).toBe(0);
});

test("a caller that repeats causes one event a minute, and every call is counted", () => {
  const table = layTable();
  for (let second = 0; second < 61; second += 4) {
    call(table, "192.0.2.7", AGGRESSIVE, "router-7");
    call(table, "192.0.2.7", AGGRESSIVE, "router-8");
    table.advance(4_000);
  }
  expect(table.journal.map(({ peerId }) => peerId)).toEqual([
    ...["router-7", "router-8", "router-7", "router-8"],
  ]);
  expect(table.concentrator.snapshot().counters.ikev1_calls).toBe(32);
});

test("a flood of new IDs causes no more events than strangers at one address may", () => {
  const table = layTable();
  for (let count = 0; count < 3_000; count++) {
    call(table, "203.0.113.1", AGGRESSIVE, `made-up-${count}`);
  }
  expect(table.journal.length).toBe(20);
});

test("other messages of IKEv1 are counted as another version, and cause no event", () => {
  const table = layTable();
  call(table, "192.0.2.7", 5);
  call(table, "192.0.2.7", 32);
  expect(table.journal).toEqual([]);
  const { counters } = table.concentrator.snapshot();
  expect([counters.datagrams_bad_version, counters.ikev1_calls]).toEqual([2, 0]);
});

/** A first message without payloads, or with only an ID of this text. */
function call(table: Table, from: string, exchangeType: number, id?: string): void {
  const w = new Writer();
  const header = {
    ...{ spiI: asIkeSpi(7n), spiR: asIkeSpi(0n), exchangeType, messageId: 0 },
    version: { major: 1, minor: 0 },
    flags: { initiator: false, version: false, response: false },
  };
  emitHeader(w, header, id === undefined ? 0 : 5);
  if (id !== undefined) {
    const data = new TextEncoder().encode(id);
    w.u8(0).u8(0);
    w.u16(8 + data.length)
      .u8(2)
      .zeros(3)
      .octets(data);
  }
  const octets = w.done();
  new DataView(octets.buffer, octets.byteOffset).setUint32(24, octets.length);
  table.deliver(octets, { local: endpointOf(CONCENTRATOR, 500), remote: endpointOf(from, 500) });
}
