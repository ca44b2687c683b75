/** What devices in the field send with IKEv1, at a concentrator with rows. */

import { expect, test } from "bun:test";
import { defaultIkev1EspSuites, defaultIkev1Suites } from "../../src/crypto/ikev1-suites.ts";
import type { Suite } from "../../src/crypto/suite.ts";
import { Encr, Integ, Ke, PrfId } from "../../src/crypto/transform.ts";
import type { Ikev1Rule } from "../../src/eroute/eroute.ts";
import type { Path } from "../../src/inet/endpoint.ts";
import { fromHex } from "../../src/octets/hex.ts";
import { CfgAttribute, CfgType, XauthAttribute } from "../../src/wire/v1/cfg-attribute.ts";
import { DOI_IPSEC, type Payload, Protocol } from "../../src/wire/v1/message.ts";
import { parsePayloads } from "../../src/wire/v1/payload-chain.ts";
import { vendorsIn } from "../../src/wire/v1/vendor-id.ts";
import { rowOf } from "./database.ts";
import { type Caller, type CallerKnobs, ikev1Caller } from "./ikev1-caller.ts";
import type { CallerQuick, QuickKnobs } from "./ikev1-caller-exchanges.ts";
import { CALLER_PATH } from "./ikev1-end.ts";
import { find } from "./ikev1-payloads.ts";
import { IKEV1_ESP_SUITE, IKEV1_IKE_SUITE } from "./ikev1-suites.ts";
import { namesOf } from "./neighbours.ts";
import { BASE_EROUTE, endpointOf, patternOf, planOf, prefixOfText } from "./plan.ts";
import { layTable, type Table } from "./table.ts";
import { toyKeyExchange } from "./toy-key-exchange.ts";

const KEY = "one key for both";
const RULE: Ikev1Rule = {
  ...{ mode: "both", legacy: false, xauth: false },
  ...{ pushesConfig: false, sha256With96Bits: false },
  ...{ ike: [IKEV1_IKE_SUITE], esp: [IKEV1_ESP_SUITE] },
};

/** A fleet with site-1, whose eroute differs from the usual one as a test wants. */
function fleet(rule: Partial<Ikev1Rule> = {}, changes: Partial<typeof BASE_EROUTE> = {}): Table {
  const versions = { v2: true, v1: { ...RULE, ...rule } };
  const eroutes = [{ ...BASE_EROUTE, peerid: patternOf("*"), ...changes, versions }];
  const table = layTable({ plan: planOf({}, { eroutes }), keyExchange: toyKeyExchange });
  table.database.put(rowOf("site-1", KEY, "192.168.1.0/24"));
  return table;
}

/** The one datagram that was sent. */
function said(table: Table): Uint8Array {
  const all = table.sent.splice(0);
  expect(all).toHaveLength(1);
  return all[0]?.octets ?? new Uint8Array(0);
}

function phase1(table: Table, knobs: CallerKnobs = {}, path: Path = CALLER_PATH): Caller {
  const caller = ikev1Caller(knobs);
  table.deliver(caller.first(), path);
  table.deliver(caller.third(said(table), path), path);
  return caller;
}

function quickMode(
  table: Table,
  caller: Caller,
  knobs: QuickKnobs = {},
  path: Path = CALLER_PATH,
): CallerQuick {
  const quick = caller.quick(knobs);
  table.deliver(quick.octets, path);
  caller.granted(quick, said(table));
  table.deliver(caller.quickThird(quick), path);
  return quick;
}

function childSasOf(table: Table, peerId = "site-1"): number {
  const [view] = table.concentrator.snapshot().site(peerId);
  return view?.childSas.length ?? 0;
}

const OLD_3DES: Suite = {
  ...{ encr: [{ id: Encr.DES3, keyBits: undefined }], prf: [PrfId.HMAC_SHA1] },
  ...{ integ: [Integ.HMAC_SHA1_96], ke: [Ke.MODP_1024], esn: [] },
};
const OLD_AES: Suite = { ...OLD_3DES, encr: [{ id: Encr.AES_CBC, keyBits: 128 }] };
const OLD_ESP: Suite = { ...OLD_3DES, prf: [], ke: [Ke.NONE], esn: [false] };

test("3DES or AES with SHA-1 and group 2: refused without legacy, accepted with it", () => {
  for (const suite of [OLD_3DES, OLD_AES]) {
    const knobs = { suites: [suite], group: Ke.MODP_1024, espSuites: [OLD_ESP] };
    const strict = fleet({ ike: defaultIkev1Suites(false), esp: defaultIkev1EspSuites(false) });
    strict.deliver(ikev1Caller(knobs).first(), CALLER_PATH);
    const refusal = strict.journal.find(({ reason }) => reason === "no-proposal-chosen");
    expect(refusal?.peerId).toBe("site-1");
    expect(refusal?.offered?.join()).toContain("MODP_1024");
    expect(refusal?.wanted?.join()).toContain("MODP_2048");
    const legacy = { ike: defaultIkev1Suites(true), esp: defaultIkev1EspSuites(true) };
    const table = fleet({ ...legacy, legacy: true });
    quickMode(table, phase1(table, knobs));
    expect(namesOf(table)).toEqual(["fleet/site-1"]);
    expect(childSasOf(table)).toBe(1);
    // An ISAKMP SA and a Child SA; the words name what is weak.
    expect(table.concentrator.snapshot().counters.ikev1_sas_legacy).toBe(2);
    const up = table.journal.find(({ reason }) => reason === "established");
    expect(up?.detail).toMatch(/; weak: (3DES, )?PRF_HMAC_SHA1, MODP_1024$/);
  }
  const modern = fleet();
  quickMode(modern, phase1(modern));
  expect(modern.concentrator.snapshot().counters.ikev1_sas_legacy).toBe(0);
});

test("a USER_FQDN with AES-256, SHA-256 and group 14", () => {
  const table = fleet({ ike: defaultIkev1Suites(false), esp: defaultIkev1EspSuites(false) });
  table.database.put(rowOf("site-2@fleet.example", KEY, "192.168.2.0/24"));
  const suite = { ...IKEV1_IKE_SUITE, ke: [Ke.MODP_2048] };
  const caller = phase1(table, {
    ...{ id: "site-2@fleet.example", suites: [suite], group: Ke.MODP_2048 },
  });
  quickMode(table, caller, { local: "192.168.2.0/24" });
  expect(namesOf(table)).toEqual(["fleet/site-2@fleet.example"]);
});

test("messages without the padding to four octets, in Phase 1", () => {
  const table = fleet();
  table.database.put(rowOf("abc", KEY, "192.168.3.0/24"));
  const caller = ikev1Caller({ id: "abc" });
  expect(caller.first().length % 4).not.toBe(0);
  table.deliver(caller.first(), CALLER_PATH);
  table.deliver(caller.third(said(table), CALLER_PATH), CALLER_PATH);
  expect(namesOf(table)).toEqual(["fleet/abc"]);
});

test("the Vendor ID of draft 02 with its line feed alone gets the same one back", () => {
  const table = fleet();
  const caller = ikev1Caller({ vendors: ["nat-t-draft-02-line-feed"] });
  table.deliver(caller.first(), CALLER_PATH);
  const second = said(table);
  const parsed = parsePayloads(1, second.subarray(28), "second");
  const payloads = parsed.ok ? parsed.value.payloads : [];
  expect([...vendorsIn(payloads)]).toEqual(["nat-t-draft-02-line-feed"]);
  expect(payloads.filter(({ kind }) => kind === "NAT_D_DRAFT")).toHaveLength(2);
  expect(payloads.filter(({ kind }) => kind === "NAT_D")).toEqual([]);
});

test("a Delete of a former ISAKMP SA may come in the newest one", () => {
  const table = fleet();
  const former = phase1(table);
  quickMode(table, former);
  const newest = phase1(table, { seed: 5 });
  table.sent.length = 0;
  const cookies: Payload = {
    ...{ kind: "DELETE", doi: DOI_IPSEC, protocol: Protocol.ISAKMP },
    spis: [former.cookies()],
  };
  table.deliver(newest.inform([cookies]), CALLER_PATH);
  const [view] = table.concentrator.snapshot().site("site-1");
  expect(view?.ikeSas).toHaveLength(1);
  expect(childSasOf(table)).toBe(1);
  quickMode(table, newest);
});

test("a Delete of an ISAKMP SA of another site changes nothing", () => {
  const table = fleet();
  table.database.put(rowOf("site-2", KEY, "192.168.2.0/24"));
  const other = phase1(table, { id: "site-2", seed: 5 });
  const caller = phase1(table);
  const cookies: Payload = {
    ...{ kind: "DELETE", doi: DOI_IPSEC, protocol: Protocol.ISAKMP },
    spis: [other.cookies(), new Uint8Array(16)],
  };
  table.deliver(caller.inform([cookies]), CALLER_PATH);
  expect(namesOf(table).toSorted()).toEqual(["fleet/site-1", "fleet/site-2"]);
  expect(table.concentrator.tableSizes().ikeSas).toBe(2);
});

test("a third Quick Mode message that comes too late brings nothing back", () => {
  const table = fleet();
  const caller = phase1(table);
  const quick = caller.quick();
  table.deliver(quick.octets, CALLER_PATH);
  caller.granted(quick, said(table));
  table.advance(100_000);
  expect(table.kernel.states.size).toBe(0);
  table.deliver(caller.quickThird(quick), CALLER_PATH);
  expect(table.kernel.states.size).toBe(0);
  table.sent.length = 0;
  quickMode(table, caller);
  expect(childSasOf(table)).toBe(1);
});

test("Quick Mode with 0.0.0.0/0 where the eroute has it", () => {
  const table = fleet({}, { localSubnets: [prefixOfText("0.0.0.0/0")] });
  const caller = phase1(table);
  quickMode(table, caller, { remote: "0.0.0.0/0" });
  expect(childSasOf(table)).toBe(1);
});

test("an address as text in an ID of type FQDN, and an ID that some automatism has made", () => {
  const table = fleet();
  table.database.put(rowOf("10.9.8.7", KEY, "192.168.4.0/24"));
  table.database.put(rowOf("0x00112233", KEY, "192.168.5.0/24"));
  const data = new TextEncoder().encode("10.9.8.7");
  quickMode(table, phase1(table, { identity: { idType: 2, data } }), { local: "192.168.4.0/24" });
  const odd = { idType: 11, data: fromHex("00112233") ?? data };
  quickMode(table, phase1(table, { identity: odd, seed: 8 }), { local: "192.168.5.0/24" });
  expect(namesOf(table).toSorted()).toEqual(["fleet/0x00112233", "fleet/10.9.8.7"]);
});

test("two sites behind one NAT in Aggressive Mode: each has its own key and eroute", () => {
  const table = fleet();
  table.database.put(rowOf("site-2", "another key", "192.168.2.0/24"));
  const path = (port: number) => ({
    local: CALLER_PATH.local,
    remote: endpointOf("203.0.113.9", port),
  });
  const [one, two] = [path(61_000), path(61_001)];
  const first = phase1(table, { inner: "10.1.1.1" }, one);
  const second = phase1(
    table,
    { inner: "10.1.1.1", id: "site-2", psk: "another key", seed: 9 },
    two,
  );
  const inUdp = { mode: 3 };
  quickMode(table, first, inUdp, one);
  quickMode(table, second, { ...inUdp, local: "192.168.2.0/24" }, two);
  expect(namesOf(table).toSorted()).toEqual(["fleet/site-1", "fleet/site-2"]);
  expect(table.kernel.states.size).toBe(4);
});

test("Phase 1 anew while a Quick Mode is under way: its Child SA goes on in the newest", () => {
  const table = fleet();
  const former = phase1(table);
  const quick = former.quick();
  table.deliver(quick.octets, CALLER_PATH);
  const answer = said(table);
  const newest = phase1(table, { seed: 5 });
  former.granted(quick, answer);
  table.deliver(former.quickThird(quick), CALLER_PATH);
  expect(childSasOf(table)).toBe(1);
  expect(table.kernel.states.size).toBe(2);
  table.sent.length = 0;
  quickMode(table, newest);
  table.advance(40_000);
  expect(childSasOf(table)).toBe(1);
});

const tlv = (type: number, octets = new Uint8Array(0)) => ({ type, form: "TLV", octets }) as const;
const text = (value: string) => new TextEncoder().encode(value);
const reply = (user: string, password: string): Payload => ({
  ...{ kind: "ATTRIBUTE", cfgType: CfgType.REPLY, identifier: 1 },
  attributes: [
    tlv(XauthAttribute.USER_NAME, text(user)),
    tlv(XauthAttribute.USER_PASSWORD, text(password)),
  ],
});
const ACK: Payload = { kind: "ATTRIBUTE", cfgType: CfgType.ACK, identifier: 1, attributes: [] };

/** XAUTH until the end has given its verdict. */
function proveUser(table: Table, caller: Caller, user: string, password: string): void {
  const answered = caller.answerTransaction(said(table), reply(user, password));
  table.deliver(answered.octets, CALLER_PATH);
  const verdict = caller.answerTransaction(said(table), ACK);
  table.deliver(verdict.octets, CALLER_PATH);
}

function withUsers(): Table {
  const table = fleet({ xauth: true });
  table.database.put(rowOf("group-1", KEY, "192.168.6.9/32"));
  table.database.put(rowOf("anna", "right", "192.168.7.0/24"));
  return table;
}

const GROUP: CallerKnobs = { id: "keyid:group-1", xauth: true };
const INSIDE: QuickKnobs = { local: "192.168.6.9/32" };

test("a KEY_ID group with XAUTH and Mode Config; the password may end in NUL", () => {
  for (const password of ["right", "right\0"]) {
    const table = withUsers();
    const caller = phase1(table, GROUP);
    proveUser(table, caller, "anna", password);
    const asked = caller.transact({
      ...{ kind: "ATTRIBUTE", cfgType: CfgType.REQUEST, identifier: 7 },
      attributes: [tlv(CfgAttribute.INTERNAL_IP4_ADDRESS)],
    });
    table.deliver(asked.octets, CALLER_PATH);
    const given = find(caller.open(said(table), asked.iv).payloads, "ATTRIBUTE");
    expect(given.attributes).toMatchObject([{ octets: Uint8Array.of(192, 168, 6, 9) }]);
    quickMode(table, caller, INSIDE);
    expect(namesOf(table)).toEqual(["fleet/group-1"]);
  }
});

test("XAUTH: a wrong password, also one that only begins like the right one, is refused", () => {
  for (const password of ["wrong", "right\0\0", "righ", "right\0x"]) {
    const table = withUsers();
    proveUser(table, phase1(table, GROUP), "anna", password);
    expect(namesOf(table)).toEqual([]);
    expect(table.journal).toContainEqual(expect.objectContaining({ reason: "xauth-failed" }));
  }
});

/** Connected, with a user who has authenticated. */
function withUserConnected(): { readonly table: Table; readonly former: Caller } {
  const table = withUsers();
  const former = phase1(table, GROUP);
  proveUser(table, former, "anna", "right");
  quickMode(table, former, INSIDE);
  return { table, former };
}

test("XAUTH left out when Phase 1 is begun anew: the site offers the key alone", () => {
  const { table } = withUserConnected();
  const caller = phase1(table, { id: "keyid:group-1", seed: 5 });
  expect(table.sent).toEqual([]);
  quickMode(table, caller, INSIDE);
  table.advance(40_000);
  const [view] = table.concentrator.snapshot().site("group-1");
  expect(view?.ikeSas).toHaveLength(1);
  expect(table.kernel.states.size).toBe(2);
});

test("XAUTH left out when Phase 1 is begun anew: the site goes on with Quick Mode", () => {
  const { table } = withUserConnected();
  const caller = phase1(table, { ...GROUP, seed: 5 });
  table.sent.length = 0;
  quickMode(table, caller, INSIDE);
  table.advance(40_000);
  const [view] = table.concentrator.snapshot().site("group-1");
  expect(view?.ikeSas).toHaveLength(1);
});

test("XAUTH may not be left out from another address or port, nor by a site that is not up", () => {
  const { table } = withUserConnected();
  const elsewhere = { local: CALLER_PATH.local, remote: endpointOf("192.0.2.1", 501) };
  for (const [at, path] of [
    [table, elsewhere],
    [withUsers(), CALLER_PATH],
  ] as const) {
    at.deliver(ikev1Caller({ id: "keyid:group-1", seed: 5 }).first(), path);
    at.sent.length = 0;
    const caller = phase1(at, { ...GROUP, seed: 6 }, path);
    at.sent.length = 0;
    at.deliver(caller.quick(INSIDE).octets, path);
    expect(at.sent).toEqual([]);
    expect(at.journal).toContainEqual(expect.objectContaining({ reason: "no-proposal-chosen" }));
  }
});
