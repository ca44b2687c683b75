/** Headers, versions, SPIs, order and length of messages (RFC 7296 §2.5, §2.6, §3.1, §3.2). */

import { expect, test } from "bun:test";
import { notifyOf } from "../../../src/ike/v2/find-payload.ts";
import { notify } from "../../../src/ike/v2/notify.ts";
import { type IkeHeader, parseHeader } from "../../../src/wire/header.ts";
import { emitMessage } from "../../../src/wire/v2/emit-message.ts";
import { ExchangeType } from "../../../src/wire/v2/exchange-type.ts";
import type { Payload } from "../../../src/wire/v2/message.ts";
import { NotifyType } from "../../../src/wire/v2/notify-type.ts";
import { parsePayloads } from "../../../src/wire/v2/payload-chain.ts";
import { putRow, seat, settingsOf } from "../caller.ts";
import { connectedEnds, type Ends, established, layEnds, type OnWire, takeSeen } from "../ends.ts";
import { layTable } from "../table.ts";

test.each([1_280, 3_000, 4_096])("V2-02: an IKE_SA_INIT of %s octets is answered", (length) => {
  const table = layTable();
  const { octets, back } = firstRequest(table);
  const header = headerOf(octets);
  const filler = fillerOf(length - octets.length);
  const longer = emitMessage(header, [...payloadsIn(octets), ...filler]);
  expect(longer.length).toBe(length);
  table.deliver(longer, back);
  expect(order(payloadsIn(sentOf(table)))).toEqual(ANSWER);
});

test.each([4_097, 60_000])(
  "V2-02: a longer IKE_SA_INIT (%s) is refused, and nothing is kept",
  (length) => {
    const table = layTable();
    const { octets, back } = firstRequest(table);
    const filler = fillerOf(length - octets.length);
    table.deliver(emitMessage(headerOf(octets), [...payloadsIn(octets), ...filler]), back);
    const answer = notifyOf(payloadsIn(sentOf(table)), NotifyType.INVALID_SYNTAX);
    expect(answer).toBeDefined();
    expect(table.journal.map(({ reason }) => reason)).toEqual(["message-too-long"]);
    expect(table.concentrator.tableSizes()).toMatchObject({ ikeSas: 0, initRequests: 0 });
    expect(table.concentrator.snapshot().counters.messages_too_long).toBe(1);
  },
);

test.each([1_280, 3_000, 60_000])("V2-02: an INFORMATIONAL of %s octets is answered", (length) => {
  const ends = connectedEnds({
    credentials: (_, own) => ({ ...own, settings: { ...own.settings, fragmentation: false } }),
  });
  // Header 28, payload header 4, IV 8, Pad Length 1, ICV 16.
  const filler = fillerOf(length - 28 - 4 - 8 - 1 - 16);
  const head = { exchangeType: ExchangeType.INFORMATIONAL, response: false };
  const before = ends.wire.length;
  ends.say(ends.a, { ...head, messageId: established(ends.b).inbound.nextId }, filler);
  expect(takeSeen(ends.b).at(-1)).toMatchObject({ way: "sent", response: true });
  expect(ends.wire.length).toBe(before + 1);
});

test("V2-04: the minor version is ignored", () => {
  const table = layTable();
  const { octets, back } = firstRequest(table);
  table.deliver(octets.with(17, 0x27), back);
  expect(headerOf(sentOf(table)).version).toEqual({ major: 2, minor: 0 });
  expect(order(payloadsIn(sentOf(table)))).toEqual(ANSWER);
});

test("V2-05: a peer that speaks a higher version gets version 2, and no V flag", () => {
  const table = layTable();
  const { octets, back } = firstRequest(table);
  table.deliver(octets.with(19, 0x18), back);
  expect(headerOf(sentOf(table))).toMatchObject({
    version: { major: 2 },
    flags: { version: false },
  });
  expect(order(payloadsIn(sentOf(table)))).toEqual(ANSWER);
});

test("V2-05: a peer that asks for version 1 is not obeyed; the call goes on in version 2", () => {
  const ends = layEnds();
  const [request] = ends.wire;
  if (request === undefined) throw new Error("there is a request");
  const head = { ...headerOf(request.octets), version: { major: 1, minor: 0 } };
  const flags = { initiator: false, version: false, response: true };
  ends.deliver(ends.a, emitMessage({ ...head, flags }, [notify(NotifyType.INVALID_MAJOR_VERSION)]));
  ends.run();
  expect(established(ends.a).children.length).toBe(1);
  expect(versionsOf(ends)).toEqual([2]);
});

test("V2-06: the original initiator of an IKE SA sets I, whichever end sends the request", () => {
  const ends = connectedEnds();
  ends.feed(ends.b, { kind: "check-liveness" });
  ends.advance(2_000);
  ends.feed(ends.b, { kind: "check-liveness" });
  ends.feed(ends.b, { kind: "rekey-ike" });
  ends.run();
  const old = flagsOf(ends.wire);
  expect(old.a).toEqual([true]);
  expect(old.b).toEqual([false]);
  const from = ends.wire.length;
  // Both ends in the new IKE SA, whose initiator is b.
  ends.advance(2_000);
  for (const end of [ends.a, ends.b]) ends.feed(end, { kind: "check-liveness" });
  ends.run();
  const fresh = ends.wire.slice(from).filter(({ octets }) => spiOf(octets) === spiOfNewest(ends));
  expect(fresh.length).toBeGreaterThanOrEqual(4);
  expect(flagsOf(fresh)).toEqual({ a: [false], b: [true] });
});

test("V2-06 V2-12: reserved flag bits and the critical bit are zero in what is sent", () => {
  const ends = connectedEnds();
  ends.feed(ends.a, { kind: "rekey-ike" });
  ends.run();
  for (const { octets } of ends.wire) {
    expect((octets[19] ?? 0) & 0xc7).toBe(0);
    // In protected messages this is the header of the Encrypted payload.
    for (const at of payloadStarts(octets)) expect(octets[at + 1]).toBe(0);
  }
});

test("V2-08: SPIr is zero only in the first request and its copies, and unique afterwards", () => {
  let lost = 0;
  const ends = layEnds({ onWay: ({ octets }) => (lost++ < 2 ? undefined : octets) });
  ends.run();
  ends.advance(30_000);
  const headers = ends.wire.map(({ octets }) => headerOf(octets));
  const requests = headers.filter(({ exchangeType, flags }) => {
    return exchangeType === ExchangeType.IKE_SA_INIT && !flags.response;
  });
  expect(requests.length).toBe(3);
  for (const { spiI, spiR } of requests) expect([spiI === 0n, spiR === 0n]).toEqual([false, true]);
  const others = headers.filter((header) => !requests.includes(header));
  expect(others.length).toBeGreaterThan(2);
  expect(others.filter(({ spiI, spiR }) => spiI === 0n || spiR === 0n)).toEqual([]);
});

test("V2-08: an answer that makes no IKE SA has no SPIr; those that make one differ in it", () => {
  const table = layTable();
  const spis = new Set<bigint>();
  for (let number = 1; number <= 20; number++) {
    const { octets, back } = firstRequest(table, number);
    table.deliver(octets, back);
    spis.add(headerOf(sentOf(table)).spiR);
    table.sent.splice(0);
  }
  expect([spis.size, spis.has(0n)]).toEqual([20, false]);
  const { octets, back } = firstRequest(table, 21);
  const offer = payloadsIn(octets).filter(({ kind }) => kind !== "KE");
  table.deliver(emitMessage(headerOf(octets), offer), back);
  expect(headerOf(sentOf(table)).spiR === 0n).toBe(true);
});

test("V2-11: payloads leave in the order in which the RFC writes them", () => {
  const ends = connectedEnds();
  const inits = ends.wire.slice(0, 2).map(({ octets }) => payloadsIn(octets));
  expect(inits.map(order)).toEqual([
    ["SA", "KE", "NONCE"],
    ["SA", "KE", "NONCE"],
  ]);
  const said = takeSeen(ends.a);
  expect(said.map(({ payloads }) => order(payloads))).toEqual([
    ["IDi", "IDr", "AUTH", "SA", "TSi", "TSr"],
    ["IDr", "AUTH", "SA", "TSi", "TSr"],
  ]);
  const [child] = established(ends.a).children;
  ends.feed(ends.a, { kind: "rekey-child", spiIn: child?.spiIn ?? 0 });
  ends.run();
  const [request, response] = takeSeen(ends.a);
  expect(request?.payloads[0]).toMatchObject({ type: NotifyType.REKEY_SA });
  expect(order(request?.payloads ?? [])).toEqual(["SA", "NONCE", "TSi", "TSr"]);
  expect(order(response?.payloads ?? [])).toEqual(["SA", "NONCE", "TSi", "TSr"]);
  ends.feed(ends.a, { kind: "rekey-ike" });
  ends.run();
  const rekey = takeSeen(ends.a).filter(({ payloads }) => payloads.some((p) => p.kind === "KE"));
  expect(rekey.map(({ payloads }) => order(payloads))).toEqual([
    ["SA", "NONCE", "KE"],
    ["SA", "NONCE", "KE"],
  ]);
});

test("V2-79: Vendor IDs of any kind and number change nothing; we need to send none", () => {
  const table = layTable();
  const { octets, back } = firstRequest(table);
  const vendors = [0, 1, 16, 200].map((count): Payload => {
    return { kind: "VENDOR", data: new Uint8Array(count).fill(0x76) };
  });
  table.deliver(
    emitMessage(headerOf(octets), [...vendors, ...payloadsIn(octets), ...vendors]),
    back,
  );
  expect(order(payloadsIn(sentOf(table)))).toEqual(ANSWER);
  const ends = connectedEnds();
  const head = { exchangeType: ExchangeType.INFORMATIONAL, response: false };
  ends.say(ends.a, { ...head, messageId: established(ends.b).inbound.nextId }, vendors);
  expect(takeSeen(ends.b).at(-1)).toMatchObject({ way: "sent", response: true, payloads: [] });
});

const ANSWER = ["SA", "KE", "NONCE"];

/** Kinds of payloads, without notifies, which may stand anywhere. */
function order(payloads: readonly Payload[]): readonly string[] {
  return payloads.map(({ kind }) => kind).filter((kind) => kind !== "NOTIFY");
}

type AtTable = ReturnType<typeof layTable>;

function firstRequest(table: AtTable, number = 1) {
  putRow(table, number);
  const caller = seat(table, settingsOf(number));
  caller.connect();
  const [request] = caller.outbox;
  if (request === undefined) throw new Error("an IKE_SA_INIT request waits");
  const { local, remote } = caller.site.path;
  return { octets: request.octets, back: { local: remote, remote: local } };
}

function sentOf(table: AtTable): Uint8Array {
  const [sent] = table.sent;
  if (sent === undefined) throw new Error("nothing was sent");
  return sent.octets;
}

/** Notifies of unknown type, so many octets in all. */
function fillerOf(octets: number): Payload[] {
  const most = 60_000;
  const rest = octets % most === 0 ? most : octets % most;
  return [notify(40_000, new Uint8Array(rest - 8))];
}

function headerOf(octets: Uint8Array): IkeHeader {
  const header = parseHeader(octets);
  if (!header.ok) throw new Error(header.error.detail);
  return header.value;
}

function payloadsIn(octets: Uint8Array): readonly Payload[] {
  const parsed = parsePayloads(headerOf(octets).nextPayload, octets.subarray(28), "test");
  if (!parsed.ok) throw new Error("the message is a valid one");
  return parsed.value.payloads;
}

/** Where payload headers begin; the Encrypted payload is the last. */
function payloadStarts(octets: Uint8Array): readonly number[] {
  const starts: number[] = [];
  for (let at = 28, type = octets[16] ?? 0; type !== 0 && at < octets.length; ) {
    starts.push(at);
    if (type === 46 || type === 53) break;
    type = octets[at] ?? 0;
    at += ((octets[at + 2] ?? 0) << 8) | (octets[at + 3] ?? 0);
  }
  return starts;
}

function versionsOf(ends: Ends): readonly number[] {
  return [...new Set(ends.wire.map(({ octets }) => headerOf(octets).version.major))];
}

/** The I flags that each end has set. */
function flagsOf(wire: readonly OnWire[]) {
  const of = (name: "a" | "b") => [
    ...new Set(
      wire
        .filter(({ from }) => from === name)
        .map(({ octets }) => headerOf(octets).flags.initiator),
    ),
  ];
  return { a: of("a"), b: of("b") };
}

function spiOf(octets: Uint8Array): bigint {
  return headerOf(octets).spiI;
}

function spiOfNewest(ends: Ends): bigint {
  return established(ends.b).id.spiI;
}
