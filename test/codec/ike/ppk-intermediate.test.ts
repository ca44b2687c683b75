/** PPKs in IKE_INTERMEDIATE: what is on the wire, and the keys that follow (RFC 9867 §3.1). */

import { expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { Encr, Integ, Ke, PrfId } from "../../../src/crypto/transform.ts";
import { ikeAlgorithmsOf } from "../../../src/ike/algorithms.ts";
import { NO_FRAGMENTS } from "../../../src/ike/v2/fragments.ts";
import type { HalfOpen } from "../../../src/ike/v2/half-open.ts";
import { deriveIkeKeys } from "../../../src/ike/v2/keys.ts";
import { afterRound } from "../../../src/ike/v2/next-round.ts";
import { notify } from "../../../src/ike/v2/notify.ts";
import {
  choosePpk,
  isPpkGranted,
  PPKS_MAX,
  proposedPpks,
  proposePpk,
} from "../../../src/ike/v2/ppk-intermediate.ts";
import { roundsAfterInit } from "../../../src/ike/v2/round.ts";
import { transcriptOf } from "../../../src/ike/v2/transcript.ts";
import { NEW_WINDOW } from "../../../src/ike/v2/window.ts";
import { concat } from "../../../src/octets/concat.ts";
import { asIkeSpi } from "../../../src/wire/header.ts";
import { NotifyType } from "../../../src/wire/v2/notify-type.ts";

const SPIS = { spiI: asIkeSpi(0x0102030405060708n), spiR: asIkeSpi(0x1112131415161718n) };
const SPI_OCTETS = Uint8Array.fromHex("01020304050607081112131415161718");
const [Ni, Nr] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
const KEY = new Uint8Array(32).fill(0x5a);
const ID = new TextEncoder().encode("pq-1");

const sha256 = (key: Uint8Array, ...chunks: readonly Uint8Array[]) =>
  new Uint8Array(
    createHmac("sha256", key)
      .update(concat(...chunks))
      .digest(),
  );

const ppk = () => ({ id: ID, key: KEY.slice(), isRequired: true });

test("X-14: the initiator proposes the PPK_ID and 8 octets of prf(PPK, nonces and SPIs)", () => {
  const [proposal] = proposePpk(halfOpen(), ppk());
  const confirmation = sha256(KEY, Ni, Nr, SPI_OCTETS).subarray(0, 8);
  const data = concat(Uint8Array.of(2), ID, confirmation);
  expect(proposal).toEqual(notify(NotifyType.PPK_IDENTITY_KEY, data));
  expect(proposePpk(halfOpen(), undefined)).toEqual([]);
});

test("X-14: SKEYSEED = prf+(PPK, SK_d), and all seven keys follow from it", () => {
  const half = halfOpen();
  const { algorithms, keys, transcript } = half;
  const SKEYSEED = sha256(KEY, keys.SK_d, Uint8Array.of(1));
  const wanted = deriveIkeKeys(algorithms, SKEYSEED, { Ni, Nr, ...SPIS });
  const done = { transcript, sharedSecret: undefined, ppk: { offered: [], key: KEY.slice() } };
  const next = afterRound(half, done);
  expect(next.keys).toEqual(wanted);
  expect([next.ppk, next.rounds]).toEqual(["mixed", [{ kind: "ike-auth" }]]);
  expect(keys.SK_d.every((octet) => octet === 0)).toBe(true);
});

test("X-14: after a key exchange of the same round, SK_d is the new one", () => {
  const half = halfOpen();
  const secret = new Uint8Array(32).fill(9);
  const { algorithms, keys, transcript } = half;
  const first = sha256(keys.SK_d, secret, Ni, Nr);
  const between = deriveIkeKeys(algorithms, first, { Ni, Nr, ...SPIS });
  const SKEYSEED = sha256(KEY, between.SK_d, Uint8Array.of(1));
  const wanted = deriveIkeKeys(algorithms, SKEYSEED, { Ni, Nr, ...SPIS });
  const done = { transcript, sharedSecret: secret, ppk: { offered: [], key: KEY.slice() } };
  expect(afterRound(half, done).keys).toEqual(wanted);
});

test("X-14: without a PPK in common the keys stay, and no more than 8 proposals are read", () => {
  const half = halfOpen();
  const { transcript } = half;
  const done = { transcript, sharedSecret: undefined, ppk: { offered: ["x"], key: undefined } };
  const next = afterRound(half, done);
  expect([next.keys === half.keys, next.ppk]).toEqual([true, "none"]);
  const many = Array.from({ length: 100 }, () => proposePpk(half, ppk())).flat();
  expect(proposedPpks(many)).toHaveLength(PPKS_MAX);
  const short = notify(NotifyType.PPK_IDENTITY_KEY, new Uint8Array(9));
  const long = notify(NotifyType.PPK_IDENTITY_KEY, new Uint8Array(256 + 8 + 1));
  expect(proposedPpks([short, long])).toEqual([]);
});

test("X-14: the responder takes the PPK with this name and this key, and wipes others", () => {
  const half = halfOpen();
  const proposed = proposedPpks(proposePpk(half, ppk()));
  const [other, right] = [{ ...ppk(), key: new Uint8Array(32).fill(7) }, ppk()];
  expect(choosePpk(half, proposed, [other, right])).toBe(right);
  expect(other.key.every((octet) => octet === 0)).toBe(true);
  expect(right.key).toEqual(KEY);
  expect(choosePpk(half, proposed, [{ ...ppk(), id: Uint8Array.of(1) }])).toBeUndefined();
});

test("X-14: an answer that names another PPK ends the call, none does if it is required", () => {
  const named = (id: string) => [
    notify(NotifyType.PPK_IDENTITY, concat(Uint8Array.of(2), new TextEncoder().encode(id))),
  ];
  const optional = { ...ppk(), isRequired: false };
  expect(isPpkGranted(named("pq-1"), optional)).toEqual({ ok: true, value: true });
  expect(isPpkGranted([], optional)).toEqual({ ok: true, value: false });
  expect(isPpkGranted([], ppk()).ok).toBe(false);
  expect(isPpkGranted(named("pq-2"), optional).ok).toBe(false);
});

function halfOpen(): HalfOpen {
  const algorithms = ikeAlgorithmsOf({
    ...{ encr: { id: Encr.AES_GCM_16, keyBits: 256 }, integ: Integ.NONE },
    ...{ prf: PrfId.HMAC_SHA2_256, ke: Ke.X25519, esn: false },
  });
  if (algorithms === undefined) throw new Error("built in");
  const keys = deriveIkeKeys(algorithms, new Uint8Array(32).fill(3), { Ni, Nr, ...SPIS });
  const message = new Uint8Array(28);
  return {
    ...{ id: { ...SPIS, role: "initiator" }, algorithms, keys, Ni, Nr, nat: "none", ppk: "none" },
    ...{ window: NEW_WINDOW, rounds: roundsAfterInit(algorithms, true), fragments: NO_FRAGMENTS },
    transcript: transcriptOf({ request: message, response: message, Ni, Nr, isFull: false }),
    ...{ intermediatePpk: undefined, peerHashes: undefined, peerMethods: undefined },
    fragmentOctets: undefined,
  };
}
