/** Encryption of IKEv1 messages and its chain of IVs (RFC 2409 App. B). */

import { seal, unseal } from "../../crypto/encryption.ts";
import { hash } from "../../crypto/hash.ts";
import { Writer } from "../../octets/writer.ts";
import type { IsakmpAlgorithms } from "./keys.ts";

/** Octets after encryption or decryption, and the IV of the next message: the last block. */
export type Chained = { readonly octets: Uint8Array; readonly iv: Uint8Array };

/** The IV of Phase 1: hash(g^xi | g^xr), cut to a block. */
export function phase1Iv(
  { encr, prf }: IsakmpAlgorithms,
  gxi: Uint8Array,
  gxr: Uint8Array,
): Uint8Array {
  return hash(prf.hash, [gxi, gxr]).slice(0, encr.ivOctets);
}

/** The first IV of any later exchange: hash(last block of Phase 1 | M-ID), cut to a block. */
export function exchangeIv(
  { encr, prf }: IsakmpAlgorithms,
  lastPhase1Block: Uint8Array,
  messageId: number,
): Uint8Array {
  const id = new Writer(4).u32(messageId).done();
  return hash(prf.hash, [lastPhase1Block, id]).slice(0, encr.ivOctets);
}

/** Payloads padded with zeros to whole blocks, and encrypted. There is at least one payload. */
export function encryptPayloads(
  { encr }: IsakmpAlgorithms,
  cipherKey: Uint8Array,
  iv: Uint8Array,
  payloads: Uint8Array,
): Chained {
  const padded = new Uint8Array(roundedUp(payloads.length, encr.blockOctets));
  padded.set(payloads);
  const octets = seal(encr, cipherKey, iv, NOTHING, padded);
  padded.fill(0);
  return { octets, iv: octets.slice(-encr.blockOctets) };
}

/**
 * The payloads of an encrypted message with their padding; undefined unless it is whole blocks.
 * Nothing says yet whether the key is right: hashes do that.
 */
export function decryptPayloads(
  { encr }: IsakmpAlgorithms,
  cipherKey: Uint8Array,
  iv: Uint8Array,
  ciphertext: Uint8Array,
): Chained | undefined {
  const octets = unseal(encr, cipherKey, iv, NOTHING, ciphertext);
  if (octets === undefined) return undefined;
  return { octets, iv: ciphertext.slice(-encr.blockOctets) };
}

function roundedUp(octets: number, block: number): number {
  return Math.ceil(octets / block) * block;
}

const NOTHING = new Uint8Array(0);
