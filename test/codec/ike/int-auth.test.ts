/** What AUTH covers of IKE_INTERMEDIATE (RFC 9242 §3.3.2), by hand from the octets on the wire. */

import { expect, test } from "bun:test";
import { prf, prfFor } from "../../../src/crypto/prf.ts";
import { Encr, Integ, Ke, PrfId } from "../../../src/crypto/transform.ts";
import { ikeAlgorithmsOf } from "../../../src/ike/algorithms.ts";
import { NO_FRAGMENTS } from "../../../src/ike/v2/fragments.ts";
import { intAuth } from "../../../src/ike/v2/int-auth.ts";
import { deriveIkeKeys } from "../../../src/ike/v2/keys.ts";
import { coveredMessage, openMessage, sealMessage } from "../../../src/ike/v2/protect.ts";
import { authInputOf, transcriptOf, withIntermediate } from "../../../src/ike/v2/transcript.ts";
import { asInstant } from "../../../src/octets/instant.ts";
import { asIkeSpi, parseHeader } from "../../../src/wire/header.ts";
import { ExchangeType } from "../../../src/wire/v2/exchange-type.ts";
import type { Payload } from "../../../src/wire/v2/message.ts";

const SPIS = { spiI: asIkeSpi(0x0102030405060708n), spiR: asIkeSpi(0x1112131415161718n) };
const PRF = prfFor(PrfId.HMAC_SHA2_256);
const SK_P = new Uint8Array(32).fill(7);
const DATA = Uint8Array.from({ length: 1_184 }, (_, i) => i & 0xff);
const KE: readonly Payload[] = [{ kind: "KE", method: Ke.ML_KEM_768, data: DATA }];
const HEAD = { exchangeType: ExchangeType.IKE_INTERMEDIATE, response: false, messageId: 1 };
const GCM = { encr: { id: Encr.AES_GCM_16, keyBits: 256 }, integ: Integ.NONE };
const CBC = { encr: { id: Encr.AES_CBC, keyBits: 128 }, integ: Integ.HMAC_SHA2_256_128 };

/** IKE header, generic header of SK, KE payload: lengths without IV, padding and ICV. */
const COVERED = Uint8Array.fromHex(
  [
    "0102030405060708 1112131415161718 2e 20 2b 08 00000001 000004c8",
    "22 00 04ac",
    "00 00 04a8 0024 0000",
    DATA.toHex(),
  ]
    .join("")
    .replaceAll(" ", ""),
);

test("X-07: it is prf(SK_p, headers, payloads), with lengths as if not encrypted", () => {
  if (PRF === undefined) throw new Error("PRF");
  const wanted = prf(PRF, SK_P, COVERED);
  for (const cipher of [GCM, CBC]) {
    for (const fragmentOctets of [undefined, 400]) {
      const { secured, peer } = ends(cipher, fragmentOctets);
      expect(intAuth(PRF, SK_P, undefined, coveredMessage(secured, HEAD, KE))).toEqual(wanted);
      const received = read(peer, sealMessage(secured, HEAD, KE, SOURCES));
      expect(intAuth(PRF, SK_P, undefined, received)).toEqual(wanted);
    }
  }
});

test("X-07: each value covers the one before it", () => {
  if (PRF === undefined) throw new Error("PRF");
  const { secured } = ends(GCM, undefined);
  const message = coveredMessage(secured, HEAD, KE);
  const first = intAuth(PRF, SK_P, undefined, message);
  expect(intAuth(PRF, SK_P, first, message)).toEqual(prf(PRF, SK_P, first, COVERED));
});

test("X-07: the header of a message in fragments is as if it had come whole", () => {
  if (PRF === undefined) throw new Error("PRF");
  const { secured, peer } = ends(CBC, 400);
  const whole = read(peer, sealMessage(secured, HEAD, KE, SOURCES));
  expect(whole.head.length).toBe(32);
  // Next Payload of the IKE header is SK, not SKF; that of SK is the first payload inside.
  expect([whole.head[16], whole.head[28]]).toEqual([46, 34]);
});

test("X-07: AUTH ends with both values and the ID of the first message of IKE_AUTH", () => {
  const octets = (value: number) => new Uint8Array(2).fill(value);
  const init = { request: octets(1), response: octets(2), Ni: octets(3), Nr: octets(4) };
  const none = transcriptOf({ ...init, isFull: false });
  const keys = { SK_pi: octets(5), SK_pr: octets(6) };
  const inputOf = (transcript: typeof none, role: "initiator" | "responder") =>
    authInputOf(transcript, keys, { role, idBody: octets(7) }).intAuth;
  expect(inputOf(none, "initiator")).toBeUndefined();
  const one = withIntermediate(none, { initiator: octets(8), responder: octets(9) });
  expect(inputOf(one, "responder")).toEqual(Uint8Array.of(8, 8, 9, 9, 0, 0, 0, 2));
  const two = withIntermediate(one, { initiator: octets(10), responder: octets(11) });
  expect(inputOf(two, "initiator")).toEqual(Uint8Array.of(10, 10, 11, 11, 0, 0, 0, 3));
});

const SOURCES = { random: (count: number) => new Uint8Array(count).fill(9), onMessage: undefined };

function ends(cipher: typeof GCM | typeof CBC, fragmentOctets: number | undefined) {
  const choice = { ...cipher, prf: PrfId.HMAC_SHA2_256, ke: Ke.X25519, esn: false };
  const algorithms = ikeAlgorithmsOf(choice);
  if (algorithms === undefined) throw new Error("algorithms");
  const nonces = { Ni: new Uint8Array(32), Nr: new Uint8Array(32) };
  const keys = deriveIkeKeys(algorithms, new Uint8Array(32), { ...nonces, ...SPIS });
  const of = (role: "initiator" | "responder") => ({
    ...{ id: { ...SPIS, role }, algorithms, keys, fragmentOctets, fragments: NO_FRAGMENTS },
  });
  return { secured: of("initiator"), peer: of("responder") };
}

/** What arrives, the last fragment first. */
function read(peer: ReturnType<typeof ends>["peer"], datagrams: readonly Uint8Array[]) {
  let fragments = peer.fragments;
  for (const octets of datagrams.toReversed()) {
    const header = parseHeader(octets);
    if (!header.ok) throw new Error("no header");
    const at = { now: asInstant(0), onMessage: undefined };
    const opened = openMessage({ ...peer, fragments }, { header: header.value, octets }, at);
    if (opened.kind === "whole") return opened;
    if (opened.kind !== "fragment") throw new Error(opened.kind);
    fragments = opened.fragments;
  }
  throw new Error("not complete");
}
