/** Main Mode with signatures, at a concentrator with rows. The signatures are toys. */

import { expect, test } from "bun:test";
import type { IkeVersions, Ikev1Rule } from "../../src/eroute/eroute.ts";
import { fragmentsOf } from "../../src/ike/v1/fragments.ts";
import { parseHeader } from "../../src/wire/header.ts";
import { parsePayloads } from "../../src/wire/v1/payload-chain.ts";
import { rowOf } from "./database.ts";
import { type Caller, type CallerKnobs, ikev1Caller } from "./ikev1-caller.ts";
import { CALLER_PATH } from "./ikev1-end.ts";
import { find } from "./ikev1-payloads.ts";
import { IKEV1_ESP_SUITE, IKEV1_IKE_SUITE } from "./ikev1-suites.ts";
import { namesOf } from "./neighbours.ts";
import { BASE_EROUTE, endpointOf, NORMAL_EROUTE, planOf } from "./plan.ts";
import { layTable, type Table } from "./table.ts";
import { toyKeyExchange } from "./toy-key-exchange.ts";
import { toyAuth, toyKey } from "./toy-signature.ts";

const RULE: Ikev1Rule = {
  ...{ mode: "both", legacy: false, xauth: false },
  ...{ pushesConfig: false, sha256With96Bits: false },
  ...{ ike: [IKEV1_IKE_SUITE], esp: [IKEV1_ESP_SUITE] },
};
const V1: IkeVersions = { v2: true, v1: RULE };
const SITE: CallerKnobs = { key: toyKey("site-1"), vendors: ["dpd", "nat-t", "fragmentation"] };

function fleet(peer: "certificate" | "either" | "psk" = "certificate"): Table {
  const auth = toyAuth(peer === "psk" ? undefined : "concentrator.example", peer);
  const fleetEroute = { ...BASE_EROUTE, versions: V1, auth };
  const lab = { ...NORMAL_EROUTE, versions: V1, peerip: "192.0.2.77" };
  const plan = planOf({}, { eroutes: [fleetEroute, lab] });
  const table = layTable({ plan, keyExchange: toyKeyExchange });
  table.database.put(rowOf("site-1", peer === "certificate" ? null : "a key", "192.168.1.0/24"));
  return table;
}

function said(table: Table): Uint8Array {
  const all = table.sent.splice(0);
  expect(all).toHaveLength(1);
  return all[0]?.octets ?? new Uint8Array(0);
}

/** Up to the fifth message, which is returned. */
function untilFifth(table: Table, caller: Caller): Uint8Array {
  table.deliver(caller.mainFirst(), CALLER_PATH);
  table.deliver(caller.mainThird(said(table), CALLER_PATH), CALLER_PATH);
  const fourth = said(table);
  const parsed = parsePayloads(4, fourth.subarray(28), "fourth");
  expect(parsed.ok && find(parsed.value.payloads, "CERTREQ").data).toHaveLength(0);
  return caller.mainFifth(fourth);
}

function connect(table: Table, knobs: CallerKnobs = SITE): Caller {
  const caller = ikev1Caller(knobs);
  table.deliver(untilFifth(table, caller), CALLER_PATH);
  caller.mainEnd(said(table));
  const quick = caller.quick();
  table.deliver(quick.octets, CALLER_PATH);
  caller.granted(quick, said(table));
  table.deliver(caller.quickThird(quick), CALLER_PATH);
  return caller;
}

/** A fifth message that is refused without an answer; why. */
function refused(table: Table, knobs: CallerKnobs): readonly (string | undefined)[] {
  table.deliver(untilFifth(table, ikev1Caller(knobs)), CALLER_PATH);
  expect(table.sent).toEqual([]);
  expect(namesOf(table)).toEqual([]);
  expect(table.concentrator.tableSizes().ikeSas).toBe(0);
  return table.journal.map(({ reason }) => reason);
}

test("a site with a certificate calls from any address: its row is found by its ID", () => {
  for (const peer of ["certificate", "either"] as const) {
    const table = fleet(peer);
    connect(table);
    expect(namesOf(table)).toEqual(["fleet/site-1"]);
    expect(table.kernel.states.size).toBe(2);
    const [view] = table.concentrator.snapshot().site("site-1");
    expect(view?.certificate?.subject).toBe("CN=site-1");
    expect(view?.ikeSas).toMatchObject([{ version: 1, role: "responder" }]);
  }
});

test("two sites with certificates behind one NAT: Main Mode tells them apart by their IDs", () => {
  const table = fleet();
  table.database.put(rowOf("site-2", null, "192.168.2.0/24"));
  for (const [i, id] of ["site-1", "site-2"].entries()) {
    const remote = endpointOf("203.0.113.9", 61_000 + i);
    const path = { local: CALLER_PATH.local, remote };
    const knobs = { ...SITE, id, key: toyKey(id), inner: "10.1.1.1", seed: 9 + i };
    const caller = ikev1Caller(knobs);
    table.deliver(caller.mainFirst(), path);
    table.deliver(caller.mainThird(said(table), path), path);
    table.deliver(caller.mainFifth(said(table)), path);
    caller.mainEnd(said(table));
  }
  expect(namesOf(table).toSorted()).toEqual(["fleet/site-1", "fleet/site-2"]);
});

test("the fifth message in fragments; once more it gets the sixth again", () => {
  const table = fleet();
  const caller = ikev1Caller(SITE);
  const fifth = untilFifth(table, caller);
  const header = parseHeader(fifth);
  if (!header.ok) throw new Error("no header");
  const { spiI, spiR, exchangeType, messageId } = header.value;
  const flags = { encryption: false, commit: false, authenticationOnly: false };
  const head = { spiI, spiR, exchangeType, messageId, flags };
  const parts = fragmentsOf(fifth, head, { id: 1, partOctets: 50 }) ?? [];
  expect(parts.length).toBeGreaterThan(2);
  for (const part of parts) table.deliver(part, CALLER_PATH);
  const sixth = said(table);
  caller.mainEnd(sixth);
  for (const part of parts) table.deliver(part, CALLER_PATH);
  expect(said(table)).toEqual(sixth);
  expect(namesOf(table)).toEqual(["fleet/site-1"]);
  expect(table.concentrator.tableSizes().ikeSas).toBe(1);
});

test("a signature that is not that of the certificate is refused, and counted", () => {
  const table = fleet();
  const stolen = toyKey("site-1");
  const reasons = refused(table, { ...SITE, key: toyKey("site-2"), shown: stolen });
  expect(reasons).toContain("wrong-signature");
  expect(table.concentrator.snapshot().counters.authentication_failures).toBe(1);
});

test("an ID that its certificate does not have, and another authority, are refused", () => {
  expect(refused(fleet(), { ...SITE, key: toyKey("site-2") })).toContain("id-not-in-certificate");
  const foreign = toyKey("site-1", "another authority");
  expect(refused(fleet(), { ...SITE, key: foreign })).toContain("issuer-unknown");
});

test("R6: an ID without a row is refused before its certificate is checked", () => {
  const table = fleet();
  const reasons = refused(table, { ...SITE, id: "site-9", key: toyKey("site-9", "nobody") });
  expect(reasons).toContain("no-row");
});

test("a site of an eroute with pre-shared keys may not sign", () => {
  const table = fleet();
  const reasons = refused(table, { ...SITE, id: "lab-gw", key: toyKey("lab-gw") });
  expect(reasons).toContain("ikev1-unsupported");
});

test("without certificates in the configuration no signature is accepted", () => {
  const table = fleet("psk");
  table.deliver(ikev1Caller(SITE).mainFirst(), CALLER_PATH);
  expect(table.journal).toContainEqual(expect.objectContaining({ reason: "no-site-at-address" }));
  expect(table.concentrator.tableSizes().ikeSas).toBe(0);
});

test("a site with a pre-shared key is still found by its address", () => {
  const table = fleet();
  const path = { local: CALLER_PATH.local, remote: endpointOf("192.0.2.77", 500) };
  const caller = ikev1Caller({ id: "lab-gw", psk: "lab secret", inner: "192.0.2.77" });
  table.deliver(caller.mainFirst(), path);
  table.deliver(caller.mainThird(said(table), path), path);
  table.deliver(caller.mainFifth(said(table)), path);
  caller.mainEnd(said(table));
  expect(table.concentrator.snapshot().counters.ikev1_sas_established).toBe(1);
});

test("ID and signature in clear are refused; nonsense leaves the negotiation as it is", () => {
  const table = fleet();
  const caller = ikev1Caller(SITE);
  const fifth = untilFifth(table, caller);
  const damaged = fifth.slice();
  damaged.fill(0x5a, 28);
  table.deliver(damaged, CALLER_PATH);
  expect(table.sent).toEqual([]);
  table.deliver(fifth, CALLER_PATH);
  caller.mainEnd(said(table));
  const other = fleet();
  const inClear = untilFifth(other, ikev1Caller(SITE)).slice();
  inClear[19] = 0;
  other.deliver(inClear, CALLER_PATH);
  expect(other.journal).toContainEqual(expect.objectContaining({ reason: "malformed" }));
});

test("a negotiation with signatures that stops is forgotten at each step", () => {
  const first = fleet();
  const caller = ikev1Caller(SITE);
  first.deliver(caller.mainFirst(), CALLER_PATH);
  const second = said(first);
  const { halfOpenOctets } = first.concentrator.snapshot().gauges;
  expect(halfOpenOctets).toBeGreaterThan(6_000);
  first.advance(60_000);
  expect(first.concentrator.tableSizes().ikeSas).toBe(0);
  expect(second.length).toBeGreaterThan(28);
  const later = fleet();
  untilFifth(later, ikev1Caller(SITE));
  later.advance(60_000);
  expect(later.concentrator.tableSizes().ikeSas).toBe(0);
  expect(later.journal).toContainEqual(expect.objectContaining({ reason: "timeout" }));
});
