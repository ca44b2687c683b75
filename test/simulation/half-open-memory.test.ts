/** The memory of half-open IKE SAs: what each keeps, and how it is shared. */

import { expect, test } from "bun:test";
import { notify } from "../../src/ike/v2/notify.ts";
import { sealMessage } from "../../src/ike/v2/protect.ts";
import { parseHeader } from "../../src/wire/header.ts";
import { emitMessage } from "../../src/wire/v2/emit-message.ts";
import { ExchangeType } from "../../src/wire/v2/exchange-type.ts";
import type { Payload } from "../../src/wire/v2/message.ts";
import { parsePayloads } from "../../src/wire/v2/payload-chain.ts";
import { type Caller, putRow, seat, settingsOf } from "./caller.ts";
import { CONCENTRATOR, endpointOf, LIMITS, planOf } from "./plan.ts";
import { layTable, type Table } from "./table.ts";

const KIB = 1_024;
/** No cookie by number: memory alone decides. */
const ROOMY = { halfOpenMax: 10_000, halfOpenPerPrefixMax: 10_000, cookieAbove: 10_000 };

test("strangers with long first messages are admitted only as far as the memory allows", () => {
  const plan = planOf({ ...ROOMY, halfOpenOctetsMax: 400 * KIB });
  const table = layTable({ plan });
  flood(table, { addresses: 50, each: 10, octets: 4_096 });
  const { gauges, counters } = table.concentrator.snapshot();
  expect(gauges.halfOpenOctets).toBeGreaterThan(80 * KIB);
  expect(gauges.halfOpenOctets).toBeLessThanOrEqual(400 * KIB);
  // Above a quarter, only callers that return a cookie are admitted; none of these does.
  expect(counters.cookies_sent).toBeGreaterThan(400);
  expectKept(table);
  table.advance(60_000);
  expect(table.concentrator.snapshot().gauges.halfOpenOctets).toBe(0);
  expect(table.concentrator.tableSizes().halfOpenPrefixes).toBe(0);
});

test("one address gets half of it at most, with or without cookies; another is admitted", () => {
  const plan = planOf({ ...ROOMY, halfOpenOctetsMax: 200 * KIB });
  const table = layTable({ plan });
  for (let port = 1; port <= 60; port++) callFrom(table, "203.0.113.1", port);
  const { gauges, counters } = table.concentrator.snapshot();
  expect(gauges.halfOpenOctets).toBeLessThanOrEqual(100 * KIB);
  expect(counters.half_open_refused).toBeGreaterThan(0);
  expect(table.journal.map(({ reason }) => reason)).toEqual(["half-open-full"]);
  expect(table.journal[0]?.detail).toContain("half_open_memory");
  putRow(table, 1);
  const site = seat(table, settingsOf(1));
  site.connect();
  site.settle();
  expect(site.heard.map(({ kind }) => kind)).toEqual(["established", "child-up"]);
  expectKept(table);
});

test("fragments of unauthenticated peers count, and are bounded in number and octets", () => {
  const table = layTable({ plan: planOf({ ...ROOMY, halfOpenOctetsMax: 8_000 * KIB }) });
  const caller = halfOpen(table, 1);
  const before = table.concentrator.snapshot().gauges.halfOpenOctets;
  for (const octets of fragmentsOf(caller, 60_000, 1_000).slice(0, -1))
    toTable(table, caller, octets);
  const { gauges, counters } = table.concentrator.snapshot();
  expect(gauges.halfOpenOctets - before).toBeLessThanOrEqual(32 * KIB);
  expect(counters.fragments_refused).toBeGreaterThan(0);
  expect(table.journal.map(({ reason }) => reason)).toEqual(["fragments-refused"]);
  expectKept(table);
  table.advance(60_000);
  // The journal names this as the reason, not silence of the site.
  expect(table.journal.at(-1)).toMatchObject({ outcome: "failed", reason: "fragments-refused" });
  expect(table.concentrator.snapshot().gauges.halfOpenOctets).toBe(0);
});

test("a message of IKE_AUTH that is too long is not even decrypted", () => {
  const table = layTable();
  const caller = halfOpen(table, 1);
  toTable(table, caller, fragmentsOf(caller, 40_000, undefined)[0] ?? new Uint8Array(0));
  expect(table.concentrator.snapshot().counters.messages_too_long).toBe(1);
  expect(table.journal).toEqual([]);
});

test("fragments without room are dropped; the memory of others is not touched", () => {
  const plan = planOf({ ...ROOMY, halfOpenOctetsMax: 100 * KIB });
  const table = layTable({ plan });
  const callers = Array.from({ length: 3 }, (_, i) => halfOpen(table, i + 1));
  for (const caller of callers) {
    for (const octets of fragmentsOf(caller, 30_000, 1_000).slice(0, -1))
      toTable(table, caller, octets);
  }
  const { gauges, counters } = table.concentrator.snapshot();
  expect(gauges.halfOpenOctets).toBeGreaterThan(90 * KIB);
  expect(gauges.halfOpenOctets).toBeLessThanOrEqual(100 * KIB);
  expect(counters.half_open_refused).toBeGreaterThan(0);
  expectKept(table);
});

test("RFC 7383: fragmentation is not announced if no eroute sends fragments", () => {
  const announced = (fragmentation: boolean) => {
    const plan = planOf(LIMITS);
    const eroutes = plan.eroutes.map((eroute) => ({
      ...eroute,
      life: { ...eroute.life, fragmentation },
    }));
    const table = layTable({ plan: { ...plan, eroutes } });
    const caller = seat(table, settingsOf(1));
    caller.connect();
    const [request] = caller.outbox;
    const octets = request?.octets ?? new Uint8Array(0);
    toTable(table, caller, emitMessage(headerOf(octets), [...payloadsIn(octets), notify(16_430)]));
    const answer = payloadsIn(table.sent[0]?.octets ?? new Uint8Array(0));
    return answer.some((payload) => payload.kind === "NOTIFY" && payload.type === 16_430);
  };
  expect([announced(true), announced(false)]).toEqual([true, false]);
});

function expectKept(table: Table): void {
  const { halfOpenOctets } = table.concentrator.tableSizes();
  expect(halfOpenOctets.kept).toBe(halfOpenOctets.counted);
}

/** First messages of this many octets, from this many addresses. */
function flood(table: Table, of: { addresses: number; each: number; octets: number }): void {
  for (let address = 1; address <= of.addresses; address++) {
    for (let port = 1; port <= of.each; port++) {
      callFrom(table, `203.0.113.${address}`, port, of.octets);
    }
  }
}

function callFrom(table: Table, address: string, port: number, octetsMin = 0): void {
  const path = { local: endpointOf(address, port), remote: endpointOf(CONCENTRATOR, 500) };
  const caller = seat(table, settingsOf(1, { path }));
  caller.connect();
  for (let rounds = 0; rounds < 3; rounds++) {
    const octets = caller.outbox.shift()?.octets;
    if (octets === undefined) return;
    const filler = Math.max(0, octetsMin - octets.length - 8);
    const payloads = [...payloadsIn(octets), notify(40_000, new Uint8Array(filler))];
    toTable(table, caller, octetsMin === 0 ? octets : emitMessage(headerOf(octets), payloads));
    if (octetsMin === 0) caller.hear();
    if (caller.site.negotiation?.phase !== "initiating") return;
  }
}

/** A negotiation just before IKE_AUTH, with fragmentation announced. */
function halfOpen(table: Table, number: number): Caller {
  const caller = seat(table, settingsOf(number));
  caller.connect();
  const octets = caller.outbox.shift()?.octets ?? new Uint8Array(0);
  toTable(table, caller, emitMessage(headerOf(octets), [...payloadsIn(octets), notify(16_430)]));
  caller.hear();
  return caller;
}

/** An IKE_AUTH request with so many octets in it, whole or cut. */
function fragmentsOf(caller: Caller, octets: number, fragmentOctets: number | undefined) {
  const { negotiation } = caller.site;
  if (negotiation?.phase !== "authenticating") throw new Error("IKE_SA_INIT is not answered");
  const head = { exchangeType: ExchangeType.IKE_AUTH, response: false, messageId: 1 };
  const secured = { ...negotiation.secured, fragmentOctets };
  return sealMessage(secured, head, [notify(40_000, new Uint8Array(octets))], {
    ...{ random: (count: number) => new Uint8Array(count).fill(3), onMessage: undefined },
  });
}

function headerOf(octets: Uint8Array) {
  const header = parseHeader(octets);
  if (!header.ok) throw new Error("no IKE header");
  return header.value;
}

function payloadsIn(octets: Uint8Array): readonly Payload[] {
  const parsed = parsePayloads(headerOf(octets).nextPayload, octets.subarray(28), "test");
  return parsed.ok ? parsed.value.payloads : [];
}

function toTable(table: Table, caller: Caller, octets: Uint8Array): void {
  const { local, remote } = caller.site.path;
  table.deliver(octets, { local: remote, remote: local });
}
