/** IKE_SA_INIT: cookies, other groups, forged answers, answers to answers (RFC 7296 §1.2, §2.6). */

import { expect, test } from "bun:test";
import { Encr, Ke, PrfId, TransformType } from "../../../src/crypto/transform.ts";
import { notify } from "../../../src/ike/v2/notify.ts";
import { Writer } from "../../../src/octets/writer.ts";
import { asIkeSpi, type IkeHeader, parseHeader } from "../../../src/wire/header.ts";
import { emitMessage } from "../../../src/wire/v2/emit-message.ts";
import type { Payload } from "../../../src/wire/v2/message.ts";
import { NotifyType } from "../../../src/wire/v2/notify-type.ts";
import { parsePayloads } from "../../../src/wire/v2/payload-chain.ts";
import { type Ends, established, layEnds } from "../ends.ts";
import { judgeSettled } from "../pair/judge.ts";
import { FINE, layPair } from "../pair/pair.ts";
import { IKE_SUITE } from "../plan.ts";
import { createPrng } from "../prng.ts";
import { ikeOffer, transformOf } from "../site-messages.ts";

test("V2-28: the cookie comes back as the first payload, and all else is unchanged", () => {
  const ends = layEnds();
  const [first] = ends.wire;
  answerWith(ends, [notify(NotifyType.COOKIE, new Uint8Array(64).fill(0xc0))]);
  const [before, after] = ends.wire.map(({ octets }) => payloadsIn(octets));
  expect(after?.[0]).toMatchObject({
    ...{ kind: "NOTIFY", type: NotifyType.COOKIE, data: new Uint8Array(64).fill(0xc0) },
  });
  expect(after?.slice(1)).toEqual([...(before ?? [])]);
  const [one, other] = ends.wire.map(({ octets }) => headerOf(octets));
  const ids = (header: IkeHeader | undefined) => [header?.spiI, header?.spiR, header?.messageId];
  expect(ids(other)).toEqual(ids(one));
  expect(first?.octets.length).toBe((ends.wire[1]?.octets.length ?? 0) - 72);
});

test("V2-28: cookies of no octets, or of more than 64, are not returned", () => {
  for (const count of [0, 65]) {
    const ends = layEnds();
    answerWith(ends, [notify(NotifyType.COOKIE, new Uint8Array(count))]);
    expect(ends.wire.length).toBe(1);
    ends.run();
    expect(established(ends.a).children.length).toBe(1);
  }
});

test("V2-31 V2-40: one request has both the cookie and the other group, and all proposals", () => {
  const ike = [{ ...IKE_SUITE, ke: [Ke.ECP_256, Ke.X25519] }];
  const ends = layEnds({
    credentials: (_, own) => ({ ...own, policy: { ...own.policy, ikeSuites: ike } }),
  });
  const cookie = notify(NotifyType.COOKIE, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
  answerWith(ends, [cookie]);
  answerWith(ends, [otherGroup(Ke.X25519)]);
  const [first, , third] = ends.wire.map(({ octets }) => payloadsIn(octets));
  expect(third?.[0]).toMatchObject({ type: NotifyType.COOKIE, data: cookie.data });
  const of = (payloads: readonly Payload[] | undefined, kind: string) =>
    payloads?.find((payload) => payload.kind === kind);
  expect(of(third, "SA")).toEqual(of(first, "SA"));
  expect(of(third, "NONCE")).toEqual(of(first, "NONCE"));
  expect(of(first, "KE")).toMatchObject({ method: Ke.ECP_256 });
  expect(of(third, "KE")).toMatchObject({ method: Ke.X25519 });
});

test("V2-31: an end that wants a cookie and another group gets both, and is connected", () => {
  const pair = layPair({
    ...{ seed: 1, weather: FINE },
    plan(end, plan) {
      const ke = end === "a" ? [Ke.ECP_256, Ke.X25519] : [Ke.X25519];
      const eroutes = plan.eroutes.map((eroute) => ({ ...eroute, ike: [{ ...IKE_SUITE, ke }] }));
      const limits = end === "a" ? plan.limits : { ...plan.limits, cookieAbove: 0 };
      return { ...plan, eroutes, limits };
    },
  });
  pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
  pair.runUntil(10_000);
  expect(judgeSettled(pair)).toEqual([]);
  expect(pair.b.concentrator.snapshot().counters.cookies_sent).toBeGreaterThan(0);
});

test("V2-40: a group that was not offered is not used, whoever asks for it", () => {
  const ends = layEnds();
  for (const method of [Ke.MODP_2048, Ke.ECP_384, 0, 65_535]) {
    answerWith(ends, [otherGroup(method)]);
  }
  answerWith(ends, [notify(NotifyType.INVALID_KE_PAYLOAD, Uint8Array.of(31))]);
  expect(ends.wire.length).toBe(1);
  ends.run();
  expect(established(ends.a).children.length).toBe(1);
});

test("V2-27: answers that grant what was not offered, or are incomplete, are ignored", () => {
  const ends = layEnds();
  const bits = (id: number, keyBits?: number) => transformOf(TransformType.ENCR, id, keyBits);
  const prf = transformOf(TransformType.PRF, PrfId.HMAC_SHA2_256);
  const none = new Uint8Array(0);
  const granted = ikeOffer([bits(Encr.AES_GCM_16, 128), prf], [Ke.X25519], none);
  const ke: Payload = { kind: "KE", method: Ke.X25519, data: new Uint8Array(32).fill(9) };
  const nonce: Payload = { kind: "NONCE", data: new Uint8Array(32).fill(7) };
  const bad: readonly (readonly Payload[])[] = [
    [],
    [granted, nonce],
    [granted, ke],
    [ke, nonce],
    [ikeOffer([bits(Encr.AES_GCM_16, 256), prf], [Ke.X25519], none), ke, nonce],
    [ikeOffer([bits(Encr.AES_GCM_16, 128), prf], [Ke.X25519, Ke.ECP_256], none), ke, nonce],
    [granted, { ...ke, method: Ke.ECP_256 }, nonce],
    [ikeOffer([bits(Encr.AES_GCM_16, 128), prf], [Ke.X25519], new Uint8Array(8)), ke, nonce],
    [{ kind: "SA", proposals: [...granted.proposals, ...granted.proposals] }, ke, nonce],
  ];
  for (const payloads of bad) answerWith(ends, payloads);
  answerWith(ends, [granted, ke, nonce], 0n);
  ends.run();
  expect(established(ends.a).children.length).toBe(1);
});

test("V2-27: an answer with an invalid public value is ignored too", () => {
  for (const data of [new Uint8Array(32), new Uint8Array(31).fill(9)]) {
    const ends = layEnds();
    const transforms = [
      transformOf(TransformType.ENCR, Encr.AES_GCM_16, 128),
      transformOf(TransformType.PRF, PrfId.HMAC_SHA2_256),
    ];
    answerWith(ends, [
      ikeOffer(transforms, [Ke.X25519], new Uint8Array(0)),
      { kind: "KE", method: Ke.X25519, data },
      { kind: "NONCE", data: new Uint8Array(32).fill(7) },
    ]);
    ends.run();
    ends.advance(10_000);
    expect(established(ends.a).children.length).toBe(1);
  }
});

test("V2-32: two ends that get rubbish in each other's name do not answer for ever", () => {
  const prng = createPrng(5);
  const pair = layPair({ seed: 1, weather: FINE });
  let fed = 0;
  for (let round = 0; round < 2_000; round++) {
    const [to, from] = prng.chance(0.5) ? [pair.a, pair.b] : [pair.b, pair.a];
    const octets = prng.octets(28 + prng.below(40));
    octets[16] = prng.pick([0, 33, 41, 46, 200]);
    octets[17] = prng.pick([0x10, 0x20, 0x20, 0x30]);
    octets[18] = prng.pick([34, 35, 36, 37, 40]);
    octets[19] = prng.pick([0, 0x08, 0x20, 0x28]);
    new DataView(octets.buffer).setUint32(24, octets.length);
    const path = {
      local: { address: to.address, port: 500 },
      remote: { address: from.address, port: 500 },
    };
    pair.feed(to, { kind: "datagram", octets, path });
    fed++;
    pair.runUntil(pair.now() + 50);
  }
  pair.runUntil(pair.now() + 60_000);
  const received = [pair.a, pair.b].map((end) => end.concentrator.snapshot().counters);
  const all = received.reduce((sum, counters) => sum + counters.datagrams_received, 0);
  // Each is answered once at most, and no answer is answered.
  expect(all).toBeGreaterThan(fed);
  expect(all).toBeLessThanOrEqual(2 * fed);
  const before = all;
  pair.runUntil(pair.now() + 600_000);
  const after = [pair.a, pair.b].map((end) => end.concentrator.snapshot().counters);
  expect(after.reduce((sum, counters) => sum + counters.datagrams_received, 0)).toBe(before);
});

/** A forged answer of end b to end a's call. */
function answerWith(ends: Ends, payloads: readonly Payload[], spiR = 77n): void {
  const sent = ends.wire.at(-1);
  if (sent === undefined) throw new Error("there is a request");
  const header = headerOf(sent.octets);
  const flags = { initiator: false, version: false, response: true };
  ends.deliver(ends.a, emitMessage({ ...header, spiR: asIkeSpi(spiR), flags }, payloads));
}

function otherGroup(method: number): Payload {
  return notify(NotifyType.INVALID_KE_PAYLOAD, new Writer(2).u16(method).done());
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
