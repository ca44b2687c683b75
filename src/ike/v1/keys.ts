/** Keys of an ISAKMP SA and of its IPsec SAs (RFC 2409 §5, §5.5, App. B). */

import type { CbcEncryption } from "../../crypto/encryption.ts";
import { type Prf, prf } from "../../crypto/prf.ts";
import { concat } from "../../octets/concat.ts";
import { wipe } from "../../octets/secret.ts";
import { Writer } from "../../octets/writer.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { EspAlgorithms } from "../algorithms.ts";
import type { EspDirectionKeys, EspKeys } from "../esp-keys.ts";

/** What the two ends agreed on; the hash is that of the PRF. */
export type IsakmpAlgorithms = {
  readonly encr: CbcEncryption;
  readonly prf: Prf;
  readonly ke: number;
};

/** The keys that an ISAKMP SA has throughout its life. */
export type IsakmpKeys = {
  readonly SKEYID_d: Uint8Array;
  readonly SKEYID_a: Uint8Array;
  readonly SKEYID_e: Uint8Array;
  /** The key of the cipher, from SKEYID_e (App. B). */
  readonly cipherKey: Uint8Array;
};

/** The bodies of both NONCE payloads. */
export type Nonces = { readonly Ni: Uint8Array; readonly Nr: Uint8Array };
/** The cookies of both ends. */
export type Cookies = { readonly spiI: IkeSpi; readonly spiR: IkeSpi };

/** SKEYID = prf(pre-shared-key, Ni_b | Nr_b) (§5). */
export function pskSkeyid(p: Prf, psk: Uint8Array, { Ni, Nr }: Nonces): Uint8Array {
  return prf(p, psk, Ni, Nr);
}

/** SKEYID = prf(Ni_b | Nr_b, g^xy) for signatures (§5). */
export function signatureSkeyid(p: Prf, { Ni, Nr }: Nonces, sharedSecret: Uint8Array): Uint8Array {
  return prf(p, concat(Ni, Nr), sharedSecret);
}

/** SKEYID_d, SKEYID_a and SKEYID_e, and the cipher's key (§5, App. B). */
export function deriveIsakmpKeys(
  { encr, prf: p }: IsakmpAlgorithms,
  SKEYID: Uint8Array,
  input: Cookies & { readonly sharedSecret: Uint8Array },
): IsakmpKeys {
  const tail = [input.sharedSecret, cookieOctets(input)];
  const SKEYID_d = prf(p, SKEYID, ...tail, Uint8Array.of(0));
  const SKEYID_a = prf(p, SKEYID, SKEYID_d, ...tail, Uint8Array.of(1));
  const SKEYID_e = prf(p, SKEYID, SKEYID_a, ...tail, Uint8Array.of(2));
  return { SKEYID_d, SKEYID_a, SKEYID_e, cipherKey: cipherKeyOf(p, SKEYID_e, encr.keyOctets) };
}

/** The beginning of SKEYID_e or, if it is too short, of Ka = K1 | K2 | K3 … (App. B). */
function cipherKeyOf(p: Prf, SKEYID_e: Uint8Array, octets: number): Uint8Array {
  if (octets <= SKEYID_e.length) return SKEYID_e.slice(0, octets);
  // K1 = prf(SKEYID_e, 0), K2 = prf(SKEYID_e, K1), K3 = prf(SKEYID_e, K2) …
  return stream(octets, (former) => prf(p, SKEYID_e, former ?? Uint8Array.of(0)));
}

/** What HASH_I and HASH_R cover beside the identities. */
export type Phase1Transcript = Cookies & {
  /** The bodies of both KE payloads. */
  readonly gxi: Uint8Array;
  readonly gxr: Uint8Array;
  /** The body of the initiator's SA payload, as it was received or sent. */
  readonly SAi_b: Uint8Array;
};

/** HASH_I = prf(SKEYID, g^xi | g^xr | CKY-I | CKY-R | SAi_b | IDii_b) (§5). */
export function hashI(
  p: Prf,
  SKEYID: Uint8Array,
  transcript: Phase1Transcript,
  IDii_b: Uint8Array,
): Uint8Array {
  const { gxi, gxr, spiI, spiR, SAi_b } = transcript;
  return prf(p, SKEYID, gxi, gxr, cookieOctets({ spiI, spiR }), SAi_b, IDii_b);
}

/** HASH_R = prf(SKEYID, g^xr | g^xi | CKY-R | CKY-I | SAi_b | IDir_b) (§5). */
export function hashR(
  p: Prf,
  SKEYID: Uint8Array,
  transcript: Phase1Transcript,
  IDir_b: Uint8Array,
): Uint8Array {
  const { gxi, gxr, spiI, spiR, SAi_b } = transcript;
  return prf(p, SKEYID, gxr, gxi, cookieOctets({ spiI: spiR, spiR: spiI }), SAi_b, IDir_b);
}

/**
 * The hash of a message that is not of Phase 1: HASH(1) = prf(SKEYID_a, M-ID | rest), HASH(2) =
 * prf(SKEYID_a, M-ID | Ni_b | rest) with `Ni`, where `rest` is all after the HASH payload (§5.5).
 * Informational and Transaction exchanges have the first form (§5.7).
 */
export function messageHash(
  p: Prf,
  SKEYID_a: Uint8Array,
  messageId: number,
  content: { readonly Ni?: Uint8Array; readonly rest: Uint8Array },
): Uint8Array {
  const { Ni = NOTHING, rest } = content;
  return prf(p, SKEYID_a, u32(messageId), Ni, rest);
}

/** HASH(3) = prf(SKEYID_a, 0 | M-ID | Ni_b | Nr_b) (§5.5). */
export function quickModeHash3(
  p: Prf,
  SKEYID_a: Uint8Array,
  messageId: number,
  { Ni, Nr }: Nonces,
): Uint8Array {
  return prf(p, SKEYID_a, Uint8Array.of(0), u32(messageId), Ni, Nr);
}

/** A Quick Mode that is complete: the SPI that each end has chosen for its inbound SA. */
export type QuickModeInput = Nonces & {
  readonly spiI: number;
  readonly spiR: number;
  /** Empty without perfect forward secrecy. */
  readonly sharedSecret: Uint8Array;
};

/**
 * KEYMAT = prf(SKEYID_d, [g(qm)^xy |] protocol | SPI | Ni_b | Nr_b) for each direction, with the
 * SPI of its receiver; K2 = prf(SKEYID_d, K1 | …) and so on (§5.5). Encryption before integrity.
 */
export function deriveQuickModeKeys(
  isakmp: { readonly prf: Prf; readonly SKEYID_d: Uint8Array },
  esp: EspAlgorithms,
  input: QuickModeInput,
): EspKeys {
  const encrOctets = esp.encr.keyOctets;
  const integOctets = esp.integ?.keyOctets ?? 0;
  const direction = (spi: number): EspDirectionKeys => {
    const tail = [Uint8Array.of(PROTO_IPSEC_ESP), u32(spi), input.Ni, input.Nr];
    const material = stream(encrOctets + integOctets, (former) =>
      prf(isakmp.prf, isakmp.SKEYID_d, former ?? NOTHING, input.sharedSecret, ...tail),
    );
    const keys = {
      encryption: material.slice(0, encrOctets),
      integrity: material.slice(encrOctets),
    };
    wipe(material);
    return keys;
  };
  return { initiator: direction(input.spiR), responder: direction(input.spiI) };
}

/** Wipes all keys of an ISAKMP SA. */
export function wipeIsakmpKeys(keys: IsakmpKeys): void {
  wipe(keys.SKEYID_d, keys.SKEYID_a, keys.SKEYID_e, keys.cipherKey);
}

/** CKY-I | CKY-R. */
export function cookieOctets({ spiI, spiR }: Cookies): Uint8Array {
  return new Writer(16).u64(spiI).u64(spiR).done();
}

/** The first `octets` of blocks, each of which is made from the one before. */
function stream(octets: number, next: (former: Uint8Array | undefined) => Uint8Array): Uint8Array {
  const whole = new Uint8Array(octets);
  let block: Uint8Array | undefined;
  for (let at = 0; at < octets; ) {
    const made = next(block);
    wipe(block);
    block = made;
    for (let i = 0; i < block.length && at < octets; i++) whole[at++] = block[i] ?? 0;
  }
  wipe(block);
  return whole;
}

function u32(value: number): Uint8Array {
  return new Writer(4).u32(value).done();
}

const NOTHING = new Uint8Array(0);
/** Protocol-ID of ESP in KEYMAT (RFC 2407 §4.4.1). */
const PROTO_IPSEC_ESP = 3;
