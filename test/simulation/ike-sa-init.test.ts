/** IKE_SA_INIT: cookies under load, key exchange groups, and requests that make no sense. */

import { expect, test } from "bun:test";
import { notifyOf } from "../../src/ike/v2/find-payload.ts";
import { ok } from "../../src/octets/result.ts";
import { parseHeader } from "../../src/wire/header.ts";
import { NotifyType } from "../../src/wire/v2/notify-type.ts";
import { parsePayloads } from "../../src/wire/v2/payload-chain.ts";
import { putRow, seat, settingsOf } from "./caller.ts";
import { CONCENTRATOR, endpointOf, planOf } from "./plan.ts";
import { layTable, type Sent, type Table } from "./table.ts";

test("below the threshold no caller is asked for a cookie", () => {
  const table = layTable({ plan: planOf({ cookieAbove: 2 }) });
  startHalfOpen(table, 2);
  expect(table.concentrator.snapshot().counters.cookies_sent).toBe(0);
  expect(table.concentrator.snapshot().gauges.halfOpenIkeSas).toBe(2);
});

test("above it every caller is asked, nothing is kept, and the cookie gets it admitted", () => {
  const table = crowded();
  const caller = seat(table, settingsOf(9));
  putRow(table, 9);
  caller.connect();
  caller.step();
  expect(table.concentrator.snapshot().counters.cookies_sent).toBe(1);
  expect(table.concentrator.snapshot().gauges.halfOpenIkeSas).toBe(2);
  expect(cookieIn(table.sent.at(-1)).length).toBe(33);
  caller.settle();
  expect(caller.heard.map((heard) => heard.kind)).toEqual(["established", "child-up"]);
});

test("a cookie of another address, nonce or SPI is wrong, and is answered with a new one", () => {
  const table = crowded();
  const caller = seat(table, settingsOf(9));
  caller.connect();
  caller.step();
  caller.hear();
  const { local, remote } = caller.site.path;
  const [request] = caller.outbox.splice(0);
  const octets = request?.octets ?? new Uint8Array(0);
  table.deliver(octets, { local: remote, remote: endpointOf("192.0.2.200", 500) });
  expect(cookieIn(table.sent.pop()).length).toBe(33);
  const spiChanged = octets.with(0, (octets[0] ?? 0) ^ 1);
  table.deliver(spiChanged, { local: remote, remote: local });
  expect(cookieIn(table.sent.pop()).length).toBe(33);
  expect(table.concentrator.snapshot().gauges.halfOpenIkeSas).toBe(2);
  table.deliver(octets, { local: remote, remote: local });
  expect(table.concentrator.snapshot().gauges.halfOpenIkeSas).toBe(3);
});

test("a cookie made with the previous secret is still valid, an older one is not", () => {
  const plan = planOf({ cookieAbove: 0, halfOpenMs: 1_000_000 });
  for (const [waitMs, isWelcome] of [
    [60_000, true],
    [130_000, false],
  ] as const) {
    const table = layTable({ plan });
    const caller = seat(table, settingsOf(9));
    caller.connect();
    caller.step();
    caller.hear();
    table.advance(waitMs);
    caller.step();
    expect(table.concentrator.snapshot().gauges.halfOpenIkeSas).toBe(isWelcome ? 1 : 0);
  }
});

test("INVALID_KE_PAYLOAD names the group to use, and with it the site connects", () => {
  const table = layTable();
  putRow(table, 1);
  const caller = seat(table, settingsOf(1, { ke: [14, 19] }));
  caller.connect();
  caller.step();
  const refusal = notifyOf(payloadsOf(table.sent.at(-1)), NotifyType.INVALID_KE_PAYLOAD);
  expect([...(refusal?.data ?? [])]).toEqual([0, 19]);
  expect(table.concentrator.snapshot().gauges.halfOpenIkeSas).toBe(0);
  caller.settle();
  expect(caller.heard.map((heard) => heard.kind)).toEqual(["established", "child-up"]);
  expect(caller.session().secured.algorithms.ke).toBe(19);
});

test("under load, cookie and group are requested one after the other", () => {
  const table = crowded();
  putRow(table, 9);
  const caller = seat(table, settingsOf(9, { ke: [14, 31] }));
  caller.connect();
  caller.settle();
  expect(caller.heard.map((heard) => heard.kind)).toEqual(["established", "child-up"]);
  // The cookie is bound to nonce and SPI, which the site keeps: one is enough.
  expect(table.concentrator.snapshot().counters.cookies_sent).toBe(1);
});

test("no common algorithm: NO_PROPOSAL_CHOSEN, and the journal shows both sides", () => {
  const table = layTable();
  const caller = seat(table, settingsOf(1, { ke: [15] }));
  caller.connect();
  caller.settle();
  const refused = caller.heard.find((heard) => heard.kind === "refused");
  expect(refused?.kind === "refused" && refused.notify).toBe(NotifyType.NO_PROPOSAL_CHOSEN);
  const entry = table.journal.find((noted) => noted.reason === "no-proposal-chosen");
  expect(entry?.offered?.[0]).toContain("MODP_3072");
  expect(entry?.wanted?.[0]).toContain("X25519");
  expect(table.concentrator.tableSizes().ikeSas).toBe(0);
});

test("a public value of the wrong length is refused, and nothing is kept", () => {
  const table = layTable();
  const short = { publicValue: new Uint8Array(31).fill(9), sharedSecret: new Uint8Array(0) };
  const caller = seat(table, settingsOf(1), () => ok(short));
  caller.connect();
  caller.step();
  expect(table.sent.length).toBe(1);
  expect(table.concentrator.tableSizes().ikeSas).toBe(0);
  expect(table.concentrator.tableSizes().initRequests).toBe(0);
});

test("the limit of half-open IKE SAs holds, and places become free again with time", () => {
  const table = layTable({ plan: planOf({ halfOpenMax: 3, halfOpenMs: 5_000 }) });
  startHalfOpen(table, 5);
  expect(table.concentrator.snapshot().gauges.halfOpenIkeSas).toBe(3);
  expect(table.concentrator.snapshot().counters.half_open_refused).toBe(2);
  table.advance(5_000);
  expect(table.concentrator.snapshot().gauges.halfOpenIkeSas).toBe(0);
  expect(table.concentrator.tableSizes().initRequests).toBe(0);
});

test("a key exchange that fails, or is answered too late, leaves nothing", () => {
  const table = layTable({ keyExchange: () => "later", plan: planOf({ halfOpenMs: 5_000 }) });
  startHalfOpen(table, 2);
  table.keyExchanges[0]?.answer({ ok: false, error: { kind: "overloaded", detail: "test" } });
  table.advance(5_000);
  table.keyExchanges[1]?.answer({ ok: false, error: { kind: "overloaded", detail: "late" } });
  expect(table.concentrator.snapshot().counters.late_answers).toBe(1);
  const sizes = table.concentrator.tableSizes();
  expect([sizes.ikeSas, sizes.keyExchanges, sizes.initRequests]).toEqual([0, 0, 0]);
});

/** At most two half-open IKE SAs before cookies are requested. */
function crowded(): Table {
  const table = layTable({ plan: planOf({ cookieAbove: 2 }) });
  startHalfOpen(table, 2);
  table.sent.length = 0;
  return table;
}

function startHalfOpen(table: Table, count: number): void {
  for (let number = 1; number <= count; number++) {
    const caller = seat(table, settingsOf(100 + number));
    caller.connect();
    caller.step();
  }
}

function payloadsOf(sent: Sent | undefined) {
  const octets = sent?.octets ?? new Uint8Array(0);
  const header = parseHeader(octets);
  if (!header.ok) return [];
  const parsed = parsePayloads(header.value.nextPayload, octets.subarray(28), "test");
  return parsed.ok ? parsed.value.payloads : [];
}

function cookieIn(sent: Sent | undefined): Uint8Array {
  return notifyOf(payloadsOf(sent), NotifyType.COOKIE)?.data ?? new Uint8Array(0);
}

test("§2.6: callers from a crowded address prefix are asked for cookies, others are not", () => {
  const table = layTable({ plan: planOf({ halfOpenPerPrefixMax: 2 }) });
  // Sites behind one carrier's NAT: one address, different ports.
  const behindNat = (port: number) => {
    const path = { local: endpointOf("203.0.113.7", port), remote: endpointOf(CONCENTRATOR, 500) };
    const caller = seat(table, settingsOf(1, { path }));
    caller.connect();
    caller.step();
    return caller;
  };
  for (const port of [2_001, 2_002]) behindNat(port);
  expect(table.concentrator.snapshot().counters.cookies_sent).toBe(0);
  putRow(table, 1);
  const third = behindNat(2_003);
  expect(table.concentrator.snapshot().counters.cookies_sent).toBe(1);
  startHalfOpen(table, 3);
  expect(table.concentrator.snapshot().counters.cookies_sent).toBe(1);
  // A caller that returns its cookie is admitted all the same: none is locked out.
  third.settle();
  expect(third.heard.map((heard) => heard.kind)).toEqual(["established", "child-up"]);
  table.advance(60_000);
  expect(table.concentrator.tableSizes().halfOpenPrefixes).toBe(0);
});

test("§2.6: one prefix never gets more than half of all places, with or without cookies", () => {
  const plan = planOf({ halfOpenPerPrefixMax: 1, halfOpenMax: 4 });
  const table = layTable({ plan });
  for (const port of [2_001, 2_002, 2_003, 2_004]) {
    const path = { local: endpointOf("203.0.113.7", port), remote: endpointOf(CONCENTRATOR, 500) };
    const caller = seat(table, settingsOf(1, { path }));
    caller.connect();
    caller.step();
    caller.hear();
    caller.step();
  }
  const { gauges, counters } = table.concentrator.snapshot();
  expect(gauges.halfOpenIkeSas).toBe(2);
  expect(counters.half_open_refused).toBeGreaterThan(0);
});
