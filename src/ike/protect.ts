/** The Encrypted payload: messages sealed and opened (RFC 7296 §3.14, RFC 5282). */

import { type Encryption, seal, unseal } from "../crypto/encryption.ts";
import { integrityIcv } from "../crypto/integrity.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { equalConstantTime } from "../octets/secret.ts";
import { Writer } from "../octets/writer.ts";
import { emitPayloadOctets } from "../wire/emit-message.ts";
import type { IkeHeader } from "../wire/header.ts";
import type { Payload } from "../wire/message.ts";
import { firstPayloadType, parsePayloads } from "../wire/payload-chain.ts";
import { emitProtectedFrame, findSk, type SkPlace } from "../wire/protected.ts";
import type { IkeAlgorithms } from "./algorithms.ts";
import type { IkeKeys } from "./keys.ts";
import type { SaId } from "./phase.ts";
import type { Refusal } from "./refusal.ts";

/** What it takes to seal and open: an IKE SA whose keys are known. */
export type Secured = {
  readonly id: SaId;
  readonly algorithms: IkeAlgorithms;
  readonly keys: IkeKeys;
};

export type MessageHead = {
  readonly exchangeType: number;
  readonly response: boolean;
  readonly messageId: number;
};

/** Integrity is right, yet the content is not: the sender is the peer, and may be told. */
export type OpenFault = { readonly authentic: boolean; readonly refusal: Refusal };

/**
 * A whole message with `payloads` sealed inside. Each (direction, response flag, message ID) is
 * sealed once only: the AEAD nonce is made of them.
 */
export function sealMessage(
  secured: Secured,
  head: MessageHead,
  payloads: readonly Payload[],
  random: (count: number) => Uint8Array,
): Uint8Array {
  const { encr, integ } = secured.algorithms;
  const inner = emitPayloadOctets(payloads);
  const padOctets = paddingOctets(encr, inner.length);
  const plaintext = new Uint8Array(inner.length + padOctets + 1);
  plaintext.set(inner);
  plaintext[plaintext.length - 1] = padOctets;
  const icvOctets = encr.kind === "aead" ? encr.icvOctets : (integ?.icvOctets ?? 0);
  const { octets, bodyAt } = emitProtectedFrame(
    {
      spiI: secured.id.spiI,
      spiR: secured.id.spiR,
      version: { major: 2, minor: 0 },
      exchangeType: head.exchangeType,
      flags: {
        initiator: secured.id.role === "initiator",
        version: false,
        response: head.response,
      },
      messageId: head.messageId,
    },
    firstPayloadType(payloads),
    encr.ivOctets + plaintext.length + icvOctets,
  );
  const iv = encr.kind === "aead" ? aeadIv(encr, head) : random(encr.ivOctets);
  octets.set(iv, bodyAt);
  const aad = octets.subarray(0, bodyAt);
  const key = sendKeys(secured);
  octets.set(seal(encr, key.encryption, iv, aad, plaintext), bodyAt + encr.ivOctets);
  if (integ !== undefined) {
    const covered = octets.subarray(0, octets.length - icvOctets);
    octets.set(integrityIcv(integ, key.integrity, covered), covered.length);
  }
  return octets;
}

/** The payloads inside a message of the peer, once its integrity is known to be right. */
export function openMessage(
  secured: Secured,
  header: IkeHeader,
  octets: Uint8Array,
): Result<readonly Payload[], OpenFault> {
  const place = findSk(octets, header);
  if (!place.ok) return err({ authentic: false, refusal: place.error });
  if (place.value.kind !== "SK") return forged();
  const plaintext = unprotect(secured, place.value, octets);
  if (plaintext === undefined) return forged();
  // Pad Length says how much of the end is padding, its own octet aside.
  const padOctets = plaintext[plaintext.length - 1];
  if (padOctets === undefined || padOctets + 1 > plaintext.length) {
    return err({
      authentic: true,
      refusal: {
        kind: "malformed",
        where: "Encrypted payload",
        detail: `pad length ${padOctets ?? 0} of ${plaintext.length} octets`,
      },
    });
  }
  const inner = plaintext.subarray(0, plaintext.length - padOctets - 1);
  const parsed = parsePayloads(place.value.firstInner, inner, "Encrypted payload");
  return parsed.ok ? ok(parsed.value.payloads) : err({ authentic: true, refusal: parsed.error });
}

function unprotect(secured: Secured, place: SkPlace, octets: Uint8Array): Uint8Array | undefined {
  const { encr, integ } = secured.algorithms;
  const key = receiveKeys(secured);
  const icvOctets = integ?.icvOctets ?? 0;
  const end = octets.length - icvOctets;
  if (place.bodyAt + encr.ivOctets > end) return undefined;
  if (integ !== undefined) {
    const icv = integrityIcv(integ, key.integrity, octets.subarray(0, end));
    if (!equalConstantTime(icv, octets.subarray(end))) return undefined;
  }
  const iv = octets.subarray(place.bodyAt, place.bodyAt + encr.ivOctets);
  const ciphertext = octets.subarray(place.bodyAt + encr.ivOctets, end);
  return unseal(encr, key.encryption, iv, octets.subarray(0, place.bodyAt), ciphertext);
}

function forged(): Result<never, OpenFault> {
  return err({ authentic: false, refusal: { kind: "bad-icv" } });
}

function paddingOctets(encr: Encryption, innerOctets: number): number {
  const rest = (innerOctets + 1) % encr.blockOctets;
  return rest === 0 ? 0 : encr.blockOctets - rest;
}

/** Unique for a key: both directions have keys of their own, and a message is sealed once. */
function aeadIv(encr: Encryption, head: MessageHead): Uint8Array {
  return new Writer(encr.ivOctets)
    .u32(head.response ? 1 : 0)
    .u32(head.messageId)
    .done();
}

type DirectionKeys = { readonly encryption: Uint8Array; readonly integrity: Uint8Array };

function sendKeys({ id, keys }: Secured): DirectionKeys {
  return id.role === "initiator"
    ? { encryption: keys.SK_ei, integrity: keys.SK_ai }
    : { encryption: keys.SK_er, integrity: keys.SK_ar };
}

function receiveKeys({ id, keys }: Secured): DirectionKeys {
  return id.role === "initiator"
    ? { encryption: keys.SK_er, integrity: keys.SK_ar }
    : { encryption: keys.SK_ei, integrity: keys.SK_ai };
}
