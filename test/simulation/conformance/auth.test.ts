/** Nonces, keys, IKE_AUTH and the Encrypted payload (RFC 7296 §2.10, §2.15-2.18, §3.14). */

import { expect, test } from "bun:test";
import { seal } from "../../../src/crypto/encryption.ts";
import { integrityIcv } from "../../../src/crypto/integrity.ts";
import { performKeyExchange as keyExchange } from "../../../src/crypto/key-exchange.ts";
import { prfFor } from "../../../src/crypto/prf.ts";
import { Encr, PrfId, TransformType } from "../../../src/crypto/transform.ts";
import { deriveIkeKeys, rekeySkeyseed } from "../../../src/ike/v2/keys.ts";
import { notify } from "../../../src/ike/v2/notify.ts";
import { sealMessage } from "../../../src/ike/v2/protect.ts";
import { parseHeader } from "../../../src/wire/header.ts";
import { ExchangeType } from "../../../src/wire/v2/exchange-type.ts";
import type { Payload } from "../../../src/wire/v2/message.ts";
import { NotifyType } from "../../../src/wire/v2/notify-type.ts";
import { identityBody } from "../../../src/wire/v2/payload/id.ts";
import { parsePayloads } from "../../../src/wire/v2/payload-chain.ts";
import { emitProtectedFrame } from "../../../src/wire/v2/protected.ts";
import { putRow, seat, settingsOf } from "../caller.ts";
import {
  change,
  connectedEnds,
  type Ends,
  type EndsSettings,
  established,
  layEnds,
  takeSeen,
} from "../ends.ts";
import { sealOne } from "../one-datagram.ts";
import { IKE_SUITE } from "../plan.ts";
import { layTable } from "../table.ts";

const INFORMATIONAL = { exchangeType: ExchangeType.INFORMATIONAL, response: false };
const GCM = { ...IKE_SUITE, encr: [{ id: Encr.AES_GCM_16, keyBits: 128 }] };
const CBC = { ...IKE_SUITE, encr: [{ id: Encr.AES_CBC, keyBits: 128 }] };

test("V2-43: each exchange has a nonce of its own, long enough for every PRF", () => {
  const ends = connectedEnds();
  const [child] = established(ends.a).children;
  ends.feed(ends.a, { kind: "rekey-child", spiIn: child?.spiIn ?? 0 });
  ends.run();
  ends.feed(ends.b, { kind: "rekey-ike" });
  ends.run();
  const half = ends.wire.slice(0, 2).flatMap(({ octets }) => noncesIn(octets));
  const later = takeSeen(ends.a).flatMap(({ payloads }) => noncesOf(payloads));
  const nonces = [...half, ...later];
  expect(nonces.length).toBe(6);
  expect(new Set(nonces).size).toBe(6);
  const longest = [PrfId.HMAC_SHA2_256, PrfId.HMAC_SHA2_384, PrfId.HMAC_SHA2_512]
    .map((id) => prfFor(id)?.keyOctets ?? 0)
    .reduce((most, octets) => Math.max(most, octets));
  for (const hex of nonces) expect(hex.length / 2).toBeGreaterThanOrEqual(longest / 2);
});

test("V2-47: a rekey to another PRF: SKEYSEED by the old one, the keys by the new one", () => {
  let prf: number = PrfId.HMAC_SHA2_256;
  let shared = new Uint8Array(0);
  const ends = connectedEnds({
    keyExchange(_, op) {
      const result = keyExchange(op);
      if (result.ok && op.op === "respond") shared = result.value.sharedSecret.slice();
      return result;
    },
    credentials: (_, own) => ({
      ...own,
      policy: { ...own.policy, ikeSuites: [{ ...GCM, prf: [prf] }] },
    }),
  });
  const old = established(ends.a);
  const SK_d = old.keys.SK_d.slice();
  prf = PrfId.HMAC_SHA2_512;
  for (const end of [ends.a, ends.b]) {
    const { policy, settings } = established(end);
    const ikeSuites = [{ ...GCM, prf: [prf] }];
    ends.feed(end, { kind: "terms", terms: { policy: { ...policy, ikeSuites }, settings } });
  }
  takeSeen(ends.a);
  ends.feed(ends.a, { kind: "rekey-ike" });
  ends.run();
  const [Ni, Nr] = takeSeen(ends.a).flatMap(({ payloads }) =>
    payloads.flatMap((payload) => (payload.kind === "NONCE" ? [payload.data] : [])),
  );
  const fresh = established(ends.b);
  expect(fresh.algorithms.prf.id).toBe(PrfId.HMAC_SHA2_512);
  if (Ni === undefined || Nr === undefined) throw new Error("both have a nonce");
  const SKEYSEED = rekeySkeyseed(old.algorithms.prf, SK_d, { sharedSecret: shared, Ni, Nr });
  const { spiI, spiR } = fresh.id;
  const wanted = deriveIkeKeys(fresh.algorithms, SKEYSEED, { Ni, Nr, spiI, spiR });
  expect(fresh.keys.SK_d).toEqual(wanted.SK_d);
  expect([fresh.keys.SK_ei, fresh.keys.SK_er]).toEqual([wanted.SK_ei, wanted.SK_er]);
  expect(established(ends.a).keys.SK_d).toEqual(wanted.SK_d);
});

test("V2-47: the PRF stays while both ends allow it, whatever the order of proposals", () => {
  const ends = connectedEnds(withSuite({ ...GCM, prf: [PrfId.HMAC_SHA2_256] }));
  const suites = [
    { ...CBC, prf: [PrfId.HMAC_SHA2_512] },
    { ...GCM, prf: [PrfId.HMAC_SHA2_384, PrfId.HMAC_SHA2_256] },
  ];
  for (const end of [ends.a, ends.b]) {
    const { policy, settings } = established(end);
    ends.feed(end, {
      kind: "terms",
      terms: { policy: { ...policy, ikeSuites: suites }, settings },
    });
  }
  for (const end of [ends.a, ends.b]) {
    ends.feed(end, { kind: "rekey-ike" });
    ends.run();
    expect(established(end).algorithms.prf.id).toBe(PrfId.HMAC_SHA2_256);
  }
  const offers = ends.a.seen.flatMap(({ payloads }) =>
    payloads.flatMap((payload) => (payload.kind === "SA" ? payload.proposals : [])),
  );
  expect(offers.some(({ transforms }) => transforms.some(isPrf(PrfId.HMAC_SHA2_512)))).toBe(true);
});

test.each([
  ["another ID than the one that was called", "somebody-else", 2],
  ["a wrong AUTH", "end-b", 2],
  ["another method", "end-b", 1],
])("V2-54: %s: the responder is told AUTHENTICATION_FAILED, and is left", (_, id, method) => {
  const ends = layEnds({
    onWay: ({ from, octets }) => (from === "b" && octets[18] === 35 ? undefined : octets),
  });
  ends.run();
  takeSeen(ends.b);
  const identity = { idType: 2, data: new TextEncoder().encode(id) };
  const head = { exchangeType: ExchangeType.IKE_AUTH, response: true, messageId: 1 };
  ends.say(ends.b, head, [
    { kind: "IDr", identity, body: identityBody(identity) },
    { kind: "AUTH", method, data: new Uint8Array(32) },
  ]);
  ends.run();
  const [told] = takeSeen(ends.b);
  expect(told).toMatchObject({ way: "received", exchangeType: ExchangeType.INFORMATIONAL });
  expect(told?.payloads).toMatchObject([{ type: NotifyType.AUTHENTICATION_FAILED }]);
  expect(ends.a.sas.size).toBe(0);
  expect(ends.b.effects.map(({ kind }) => kind)).toContain("ended");
});

test("V2-55 V2-56: one wrong bit, in the headers too, and a message is ignored", () => {
  for (const suite of [GCM, CBC]) {
    const ends = connectedEnds(withSuite(suite));
    const { nextId: messageId } = established(ends.b).inbound;
    const remove = { kind: "DELETE", protocol: 1, spis: [] } as const;
    const [octets] = sealMessage(established(ends.a), { ...INFORMATIONAL, messageId }, [remove], {
      ...{ random: ends.a.context.random, onMessage: undefined },
    });
    if (octets === undefined) throw new Error("there is a datagram");
    takeSeen(ends.b);
    // SPIs decide where the message goes, and Length whether it is a message at all.
    const places = Array.from({ length: octets.length }, (_, at) => at);
    for (const at of places.filter((one) => one > 16 && (one < 24 || one > 27))) {
      for (const bit of [1, 16, 128])
        ends.deliver(ends.b, octets.with(at, (octets[at] ?? 0) ^ bit));
    }
    expect(takeSeen(ends.b)).toEqual([]);
    ends.deliver(ends.b, octets);
    expect(ends.b.effects).toContainEqual(expect.objectContaining({ kind: "ended" }));
  }
});

test("V2-56: IVs of CBC are drawn at random for each message", () => {
  const ends = connectedEnds(withSuite(CBC));
  const ivs = ivsOf(ends, 16);
  expect(ivs.length).toBe(22);
  expect(new Set(ivs).size).toBe(22);
  // Even two messages that differ only in their ID have no octets in common.
  for (const [i, iv] of ivs.entries()) {
    expect(ivs.some((other, j) => j !== i && other.slice(0, 8) === iv.slice(0, 8))).toBe(false);
  }
});

test("V2-56: no two messages or fragments of an end have the same IV with AEAD", () => {
  const ends = connectedEnds(withSuite(GCM));
  const filler = [notify(40_000, new Uint8Array(5_000))];
  for (let i = 0; i < 3; i++) {
    const { nextId: messageId } = established(ends.b).inbound;
    const from = established(ends.a);
    const sealed = sealMessage(from, { ...INFORMATIONAL, messageId }, filler, {
      ...{ random: ends.a.context.random, onMessage: undefined },
    });
    expect(sealed.length).toBeGreaterThan(4);
    for (const octets of sealed) {
      ends.wire.push({ from: "a", octets, path: from.path });
      ends.deliver(ends.b, octets);
    }
    change(ends.a, { outbound: { nextId: messageId + 1, inFlight: undefined } });
  }
  ivsOf(ends, 8);
  for (const name of ["a", "b"] as const) {
    const own = ends.wire.filter(({ from, octets }) => from === name && (octets[18] ?? 0) > 34);
    const ivs = own.map(({ octets }) => {
      const at = octets[16] === 53 ? 36 : 32;
      return octets.slice(at, at + 8).toHex();
    });
    expect(ivs.length).toBeGreaterThan(10);
    expect(new Set(ivs).size).toBe(ivs.length);
  }
});

test("V2-56: the content of the padding is ignored, a Pad Length past the payload is not", () => {
  for (const suite of [GCM, CBC]) {
    const padded = connectedEnds(withSuite(suite));
    takeSeen(padded.b);
    padded.deliver(padded.b, withPadding(padded, Uint8Array.of(...Array(15).fill(0xa5), 15)));
    expect(takeSeen(padded.b).at(-1)).toMatchObject({ way: "sent", payloads: [] });
    const broken = connectedEnds(withSuite(suite));
    takeSeen(broken.b);
    broken.deliver(broken.b, withPadding(broken, Uint8Array.of(...Array(15).fill(0), 16)));
    expect(takeSeen(broken.b).at(-1)?.payloads).toMatchObject([
      { type: NotifyType.INVALID_SYNTAX },
    ]);
    expect(broken.b.effects).toContainEqual(expect.objectContaining({ kind: "ended" }));
  }
});

test("X-01: only authentic fragments count, and none is kept after their time", () => {
  const ends = connectedEnds();
  const { nextId: messageId } = established(ends.b).inbound;
  const filler = [notify(40_000, new Uint8Array(3_000))];
  const sealed = sealMessage(established(ends.a), { ...INFORMATIONAL, messageId }, filler, {
    ...{ random: ends.a.context.random, onMessage: undefined },
  });
  expect(sealed.length).toBe(3);
  takeSeen(ends.b);
  for (const octets of sealed) {
    // Number, total, IV, ciphertext, ICV: none may come from another fragment.
    for (const at of [33, 35, 37, 60, octets.length - 1]) {
      ends.deliver(ends.b, octets.with(at, (octets[at] ?? 0) ^ 1));
    }
  }
  expect(established(ends.b).fragments.request).toBeUndefined();
  for (const octets of sealed.slice(0, 2)) ends.deliver(ends.b, octets);
  expect(established(ends.b).fragments.request?.parts.size).toBe(2);
  ends.advance(61_000);
  expect(established(ends.b).fragments.request).toBeUndefined();
  expect(takeSeen(ends.b)).toEqual([]);
  for (const octets of sealed) ends.deliver(ends.b, octets);
  expect(takeSeen(ends.b).at(-1)).toMatchObject({ way: "sent", response: true });
});

test("X-01: a peer that has not agreed to fragments gets none, and its own do not count", () => {
  const ends = connectedEnds({
    credentials: (_, own) => ({ ...own, settings: { ...own.settings, fragmentation: false } }),
  });
  const { nextId: messageId } = established(ends.b).inbound;
  const filler = [notify(40_000, new Uint8Array(3_000))];
  const willing = { ...established(ends.a), fragmentOctets: 1_228 };
  const sealed = sealMessage(willing, { ...INFORMATIONAL, messageId }, filler, {
    ...{ random: ends.a.context.random, onMessage: undefined },
  });
  takeSeen(ends.b);
  for (const octets of sealed) ends.deliver(ends.b, octets);
  expect([sealed.length, takeSeen(ends.b).length]).toEqual([3, 0]);
  const told = ends.b.effects.filter(({ kind }) => kind === "note" || kind === "count");
  expect(told.slice(-4)).toMatchObject([
    { counter: "fragments_refused" },
    {
      note: { reason: "fragments-refused", detail: "it sends fragments, which were not agreed on" },
    },
    ...[{ counter: "fragments_refused" }, { counter: "fragments_refused" }],
  ]);
});

test("RFC 7383: fragments are accepted if announced, though the eroute itself sends none", () => {
  const ends = connectedEnds({
    credentials: (name, own) => ({
      ...own,
      settings: { ...own.settings, fragmentation: name === "a" },
    }),
  });
  const { nextId: messageId } = established(ends.b).inbound;
  expect(established(ends.b).fragmentOctets).toBeUndefined();
  const filler = [notify(40_000, new Uint8Array(3_000))];
  const willing = { ...established(ends.a), fragmentOctets: 1_228 };
  const sealed = sealMessage(willing, { ...INFORMATIONAL, messageId }, filler, {
    ...{ random: ends.a.context.random, onMessage: undefined },
  });
  takeSeen(ends.b);
  for (const octets of sealed) ends.deliver(ends.b, octets);
  expect(takeSeen(ends.b).at(-1)).toMatchObject({ way: "sent", response: true });
});

test("V2-57: without AUTH, as for EAP, the answer is that to a wrong key, and the SA ends", () => {
  const table = layTable();
  putRow(table, 1);
  const caller = seat(table, settingsOf(1));
  caller.connect();
  caller.step();
  caller.hear();
  const { negotiation, settings } = caller.site;
  if (negotiation?.phase !== "authenticating") throw new Error("IKE_AUTH is on its way");
  const { secured } = negotiation;
  const { identity } = settings;
  const payloads: Payload[] = [{ kind: "IDi", identity, body: identityBody(identity) }];
  const head = { exchangeType: ExchangeType.IKE_AUTH, response: false, messageId: 1 };
  const octets = sealOne(secured, head, payloads, (count) => new Uint8Array(count).fill(3));
  const { local, remote } = caller.site.path;
  table.deliver(octets, { local: remote, remote: local });
  expect(table.sent).toEqual([]);
  table.advance(500);
  caller.hear();
  expect(caller.heard.at(-2)).toMatchObject({
    ...{ kind: "refused", asked: "IKE_AUTH", notify: NotifyType.AUTHENTICATION_FAILED },
  });
  expect(table.journal.find(({ reason }) => reason === "auth-method")).toBeDefined();
  expect(table.lookUps).toEqual([]);
  table.advance(20_000);
  expect(table.concentrator.tableSizes()).toMatchObject({ ikeSas: 0, eroutes: 0 });
});

function isPrf(id: number) {
  return (transform: { readonly type: number; readonly id: number }) =>
    transform.type === TransformType.PRF && transform.id === id;
}

function withSuite(suite: typeof IKE_SUITE): EndsSettings {
  return {
    credentials: (_, own) => ({ ...own, policy: { ...own.policy, ikeSuites: [suite] } }),
  };
}

/** Twenty-two messages of end a and end b, alternating; their IVs. */
function ivsOf(ends: Ends, octetsOfIv: number): readonly string[] {
  for (let i = 0; i < 10; i++) {
    ends.advance(2_000);
    ends.feed(i % 2 === 0 ? ends.a : ends.b, { kind: "check-liveness" });
    ends.run();
  }
  return ends.wire
    .filter(({ octets }) => (octets[18] ?? 0) > 34)
    .map(({ octets }) => octets.slice(32, 32 + octetsOfIv).toHex());
}

/** An empty INFORMATIONAL of end a with this padding, Pad Length and all. */
function withPadding(ends: Ends, plaintext: Uint8Array): Uint8Array {
  const { id, algorithms, keys } = established(ends.a);
  const { encr, integ } = algorithms;
  const { nextId: messageId } = established(ends.b).inbound;
  const icvOctets = encr.kind === "aead" ? encr.icvOctets : (integ?.icvOctets ?? 0);
  const flags = { initiator: true, version: false, response: false };
  const { spiI, spiR } = id;
  const version = { major: 2, minor: 0 };
  const head = { spiI, spiR, version, exchangeType: 37, flags, messageId };
  const length = encr.ivOctets + plaintext.length + icvOctets;
  const { octets, bodyAt } = emitProtectedFrame(head, 0, length);
  const iv = new Uint8Array(encr.ivOctets).fill(9);
  octets.set(iv, bodyAt);
  const aad = octets.slice(0, bodyAt);
  octets.set(seal(encr, keys.SK_ei, iv, aad, plaintext), bodyAt + encr.ivOctets);
  if (integ !== undefined) {
    const covered = octets.subarray(0, octets.length - icvOctets);
    octets.set(integrityIcv(integ, keys.SK_ai, covered), covered.length);
  }
  expect(parseHeader(octets).ok).toBe(true);
  return octets;
}

function noncesOf(payloads: readonly Payload[]): readonly string[] {
  return payloads.flatMap((payload) => (payload.kind === "NONCE" ? [payload.data.toHex()] : []));
}

function noncesIn(octets: Uint8Array): readonly string[] {
  const parsed = parsePayloads(octets[16] ?? 0, octets.subarray(28), "test");
  return parsed.ok ? noncesOf(parsed.value.payloads) : [];
}
