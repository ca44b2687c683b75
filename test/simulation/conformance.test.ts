/** Single requirements of RFC 7296 that no other test here shows; names begin with the section. */

import { expect, test } from "bun:test";
import { seal } from "../../src/crypto/encryption.ts";
import { PrfId, TransformType } from "../../src/crypto/transform.ts";
import type { EroutePlan } from "../../src/eroute/eroute.ts";
import { notify } from "../../src/ike/v2/notify.ts";
import { concat } from "../../src/octets/concat.ts";
import { asIkeSpi, parseHeader } from "../../src/wire/header.ts";
import { IdType } from "../../src/wire/identity.ts";
import { emitMessage } from "../../src/wire/v2/emit-message.ts";
import { ExchangeType } from "../../src/wire/v2/exchange-type.ts";
import type { Payload } from "../../src/wire/v2/message.ts";
import { NotifyType } from "../../src/wire/v2/notify-type.ts";
import { parsePayloads } from "../../src/wire/v2/payload-chain.ts";
import { emitProtectedFrame } from "../../src/wire/v2/protected.ts";
import { type Caller, putRow, seat, settingsOf } from "./caller.ts";
import { BASE_EROUTE, IKE_SUITE, planOf } from "./plan.ts";
import type { SiteSettings } from "./site-state.ts";
import { layTable, type Table } from "./table.ts";

/** An unknown payload type with the critical bit, four octets in all. */
const CRITICAL = { type: 200, octets: Uint8Array.of(0, 0x80, 0, 4) } as const;

test("§2.5: an unknown critical payload is refused by its type; the IKE SA goes on", () => {
  const { table, caller } = connected();
  deliverInner(table, caller, { first: CRITICAL.type, inner: CRITICAL.octets });
  expect(table.sent.length).toBe(1);
  expect(table.concentrator.snapshot().gauges.ikeSas).toBe(1);
  const { journal } = table;
  expect(journal.at(-1)).toMatchObject({ reason: "unsupported-critical-payload" });
  caller.session().nextId++;
  table.sent.splice(0);
  caller.ask({ kind: "liveness" });
  caller.settle();
  expect(caller.heard.at(-1)?.kind).toBe("answer");
});

test("§2.21.3: an authentic but invalid message is answered, then the IKE SA ends", () => {
  const { table, caller } = connected();
  // A Notify payload that claims more octets than it has.
  deliverInner(table, caller, { first: 41, inner: Uint8Array.of(0, 0, 0, 99, 0, 0, 0, 0) });
  expect(table.sent.length).toBe(1);
  expect(table.concentrator.snapshot().gauges).toMatchObject({ ikeSas: 0, childSas: 0 });
  expect(table.kernel.states.size).toBe(0);
});

test("§2.5: a critical unknown payload in IKE_SA_INIT is named, and nothing is kept", () => {
  const { table, caller } = waiting();
  const octets = firstRequest(caller).octets;
  const header = parsedHeader(octets);
  // Appended after the last payload, whose next-payload octet changes, as does the length of the
  // message.
  const longer = concat(octets, CRITICAL.octets);
  longer[lastPayloadAt(octets)] = CRITICAL.type;
  new DataView(longer.buffer).setUint32(24, header.length + CRITICAL.octets.length);
  table.deliver(longer, backOf(caller));
  const [notify] = payloadsOf(table.sent[0]?.octets);
  expect(notify).toMatchObject({
    kind: "NOTIFY",
    type: NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD,
    data: Uint8Array.of(CRITICAL.type),
  });
  expect(table.concentrator.snapshot().gauges.halfOpenIkeSas).toBe(0);
});

test("§2.5: a higher major version is told ours; responses and version 1 get no answer", () => {
  const { table, caller } = waiting();
  const { octets } = firstRequest(caller);
  const higher = octets.with(17, 0x30);
  table.deliver(higher, backOf(caller));
  expect(payloadsOf(table.sent[0]?.octets)).toMatchObject([
    { kind: "NOTIFY", type: NotifyType.INVALID_MAJOR_VERSION },
  ]);
  table.sent.splice(0);
  table.deliver(octets.with(17, 0x10), backOf(caller));
  table.deliver(higher.with(19, 0x28), backOf(caller));
  expect(table.sent).toEqual([]);
  expect(table.concentrator.snapshot().counters.datagrams_bad_version).toBe(3);
});

test("§2.1: a message with the response flag is never answered, whatever it holds", () => {
  const { table, caller } = connected();
  deliverInner(table, caller, { first: 41, inner: Uint8Array.of(0, 0, 0, 99), response: true });
  const { table: other, caller: stranger } = waiting();
  const { octets } = firstRequest(stranger);
  other.deliver(octets.with(19, 0x28), backOf(stranger));
  expect([...table.sent, ...other.sent]).toEqual([]);
});

test("§2.21.4: a request for an unknown IKE SA gets INVALID_IKE_SPI; a response does not", () => {
  const table = layTable();
  const head = {
    ...{ spiI: asIkeSpi(1n), spiR: asIkeSpi(2n), version: { major: 2, minor: 0 } },
    ...{ exchangeType: ExchangeType.INFORMATIONAL, messageId: 7 },
  };
  const path = settingsOf(1).path;
  const seen = { local: path.remote, remote: path.local };
  for (const response of [false, true]) {
    const flags = { initiator: true, version: false, response };
    table.deliver(emitMessage({ ...head, flags }, []), seen);
  }
  expect(table.sent.map(({ octets }) => parseHeader(octets))).toMatchObject([
    {
      ok: true,
      value: { spiI: 1n, spiR: 2n, messageId: 7, flags: { initiator: false, response: true } },
    },
  ]);
  const notifies = table.sent.map(({ octets }) => parsePayloads(41, octets.subarray(28), "test"));
  expect(notifies).toMatchObject([
    { ok: true, value: { payloads: [{ type: NotifyType.INVALID_IKE_SPI }] } },
  ]);
});

test("§2.21.4: an unprotected INVALID_IKE_SPI is a hint: the peer is asked, now and then", () => {
  const { table, caller } = connected();
  const { id } = caller.session().secured;
  const flags = { initiator: true, version: false, response: true };
  const head = { ...id, version: { major: 2, minor: 0 }, flags };
  const hint = emitMessage({ ...head, exchangeType: ExchangeType.INFORMATIONAL, messageId: 0 }, [
    notify(NotifyType.INVALID_IKE_SPI),
  ]);
  const { local, remote } = caller.site.path;
  const seen = { local: remote, remote: local };
  table.advance(20_000);
  table.sent.splice(0);
  for (let i = 0; i < 5; i++) table.deliver(hint.slice(), seen);
  const requests = table.sent.map(({ octets }) => parseHeader(octets));
  expect(requests).toMatchObject([{ value: { flags: { response: false } } }]);
  caller.settle();
  table.advance(1_000);
  expect(table.concentrator.snapshot().gauges.ikeSas).toBe(1);
});

test("§2.10: a nonce shorter than half the key of the PRF is refused", () => {
  const sha512 = { ...BASE_EROUTE, ike: [{ ...IKE_SUITE, prf: [PrfId.HMAC_SHA2_512] }] };
  const { table, caller } = waiting({}, { ...planOf(), eroutes: [sha512] });
  const { octets } = firstRequest(caller);
  const header = parsedHeader(octets);
  const payloads = payloadsOf(octets).map((payload): Payload => {
    if (payload.kind === "NONCE") return { kind: "NONCE", data: new Uint8Array(31).fill(7) };
    if (payload.kind !== "SA") return payload;
    const proposals = payload.proposals.map((proposal) => ({
      ...proposal,
      transforms: proposal.transforms.map((t) =>
        t.type === TransformType.PRF ? { ...t, id: PrfId.HMAC_SHA2_512 } : t,
      ),
    }));
    return { kind: "SA", proposals };
  });
  table.deliver(emitMessage(header, payloads), backOf(caller));
  expect(payloadsOf(table.sent[0]?.octets)).toMatchObject([{ type: NotifyType.INVALID_SYNTAX }]);
  expect(table.journal.at(-1)?.detail).toContain("31 octets");
});

test("§3.5: an ID of 20,000 octets is refused like any unknown one, and noted only in part", () => {
  const data = new Uint8Array(20_000).fill(0x61);
  const { table, caller } = waiting({ identity: { idType: IdType.FQDN, data } });
  caller.settle();
  table.advance(500);
  caller.settle();
  expect(table.concentrator.snapshot().counters.authentication_failures).toBe(1);
  expect(JSON.stringify(table.journal).length).toBeLessThan(2_000);
});

test("§1.2: IKE_AUTH stands although its Child SA is refused", () => {
  const { table } = connected({ tsI: [] });
  expect(table.concentrator.snapshot().gauges).toMatchObject({ ikeSas: 1, childSas: 0 });
});

function waiting(changes: Partial<SiteSettings> = {}, plan: EroutePlan = planOf()) {
  const table = layTable({ plan });
  putRow(table, 1);
  const caller = seat(table, settingsOf(1, changes));
  caller.connect();
  return { table, caller };
}

function connected(changes: Partial<SiteSettings> = {}) {
  const { table, caller } = waiting(changes);
  caller.settle();
  table.sent.splice(0);
  return { table, caller };
}

function firstRequest(caller: Caller) {
  const [request] = caller.outbox;
  if (request === undefined) throw new Error("an IKE_SA_INIT request waits");
  return request;
}

function backOf(caller: Caller) {
  const { local, remote } = caller.site.path;
  return { local: remote, remote: local };
}

function parsedHeader(octets: Uint8Array) {
  const header = parseHeader(octets);
  if (!header.ok) throw new Error(header.error.detail);
  return header.value;
}

function payloadsOf(octets: Uint8Array | undefined): readonly Payload[] {
  if (octets === undefined) throw new Error("nothing was sent");
  const parsed = parsePayloads(parsedHeader(octets).nextPayload, octets.subarray(28), "test");
  if (!parsed.ok) throw new Error("the message is a valid one");
  return parsed.value.payloads;
}

/** Offset of the last payload's next-payload octet. */
function lastPayloadAt(octets: Uint8Array): number {
  let at = 28;
  while (octets[at] !== 0) at += ((octets[at + 2] ?? 0) << 8) | (octets[at + 3] ?? 0);
  return at;
}

type Inner = { readonly first: number; readonly inner: Uint8Array; readonly response?: true };

/** An authentic message of the site with these octets inside, `first` being their type. */
function deliverInner(table: Table, caller: Caller, { first, inner, response }: Inner): void {
  const { secured, nextId } = caller.session();
  const { encr } = secured.algorithms;
  const head = {
    spiI: secured.id.spiI,
    spiR: secured.id.spiR,
    version: { major: 2, minor: 0 },
    exchangeType: ExchangeType.INFORMATIONAL,
    flags: { initiator: true, version: false, response: response === true },
    messageId: nextId,
  };
  const plaintext = concat(inner, Uint8Array.of(0));
  const body = encr.ivOctets + plaintext.length + encr.icvOctets;
  const { octets, bodyAt } = emitProtectedFrame(head, first, body);
  const iv = new Uint8Array(encr.ivOctets).fill(9);
  octets.set(iv, bodyAt);
  const aad = octets.slice(0, bodyAt);
  octets.set(seal(encr, secured.keys.SK_ei, iv, aad, plaintext), bodyAt + encr.ivOctets);
  table.deliver(octets, backOf(caller));
}
