/**
 * Algorithms of ESP: lengths of their keys. They are names for the kernel, which encrypts; those
 * that RFC 8221 forbids are left out.
 */

import { encryptionFor } from "./encryption.ts";
import { integrityFor } from "./integrity.ts";
import { transformName } from "./names.ts";
import type { EncrTransform } from "./suite.ts";
import { Encr, Integ, TransformType } from "./transform.ts";

export type EspEncryption = {
  readonly id: number;
  /** The key length attribute of the transform. */
  readonly keyBits: number | undefined;
  /** As registered, with the key length: `AES_CCM_16_256`. */
  readonly name: string;
  /** An AEAD has its own integrity; anything else needs an integrity algorithm. */
  readonly kind: "aead" | "cbc" | "ctr";
  /** Keying material to take: the key and, where there is one, the salt or nonce after it. */
  readonly keyOctets: number;
  /** 0 without AEAD. */
  readonly icvOctets: number;
};

export type EspIntegrity = {
  readonly id: number;
  readonly name: string;
  readonly keyOctets: number;
  readonly icvOctets: number;
};

/** The ESP encryption of a transform; undefined if it, or the key length, is not built in. */
export function espEncryptionFor(
  id: number,
  keyBits: number | undefined,
): EspEncryption | undefined {
  const ike = encryptionFor(id, keyBits);
  return ike ?? ONLY_ESP.find((encr) => encr.id === id && encr.keyBits === keyBits);
}

/** The ESP integrity algorithm of a transform number; undefined if it is not built in. */
export function espIntegrityFor(id: number): EspIntegrity | undefined {
  return integrityFor(id) ?? ONLY_ESP_INTEGRITY.find((integ) => integ.id === id);
}

/** Whether an encryption transform has its own integrity, for IKE or ESP. */
export function isAead({ id, keyBits }: EncrTransform): boolean {
  return espEncryptionFor(id, keyBits)?.kind === "aead";
}

type Lengths = Pick<EspEncryption, "kind" | "icvOctets"> & {
  readonly id: number;
  /** What follows the key in the keying material. */
  readonly saltOctets: number;
};

const KEY_BITS = [128, 192, 256] as const;

/** Salts: RFC 4106 §8.1, RFC 4309 §7.1, RFC 4543 §5.1; the nonce of CTR: RFC 3686 §5.1. */
const ONLY_ESP: readonly EspEncryption[] = [
  { id: Encr.AES_CTR, kind: "ctr", saltOctets: 4, icvOctets: 0 } as const,
  { id: Encr.AES_CCM_8, kind: "aead", saltOctets: 3, icvOctets: 8 } as const,
  { id: Encr.AES_CCM_12, kind: "aead", saltOctets: 3, icvOctets: 12 } as const,
  { id: Encr.AES_CCM_16, kind: "aead", saltOctets: 3, icvOctets: 16 } as const,
  { id: Encr.AES_GCM_8, kind: "aead", saltOctets: 4, icvOctets: 8 } as const,
  { id: Encr.AES_GCM_12, kind: "aead", saltOctets: 4, icvOctets: 12 } as const,
  { id: Encr.NULL_AUTH_AES_GMAC, kind: "aead", saltOctets: 4, icvOctets: 16 } as const,
  { id: Encr.CAMELLIA_CBC, kind: "cbc", saltOctets: 0, icvOctets: 0 } as const,
].flatMap((lengths) => KEY_BITS.map((keyBits) => espEncryption(lengths, keyBits)));

/** RFC 3566 and RFC 4494: a key of 128 bits, cut to 96. */
const ONLY_ESP_INTEGRITY: readonly EspIntegrity[] = [Integ.AES_XCBC_96, Integ.AES_CMAC_96].map(
  (id) => {
    const name = transformName(TransformType.INTEG, id, undefined);
    return { id, name, keyOctets: 16, icvOctets: 12 };
  },
);

function espEncryption(lengths: Lengths, keyBits: number): EspEncryption {
  const { id, kind, saltOctets, icvOctets } = lengths;
  const name = transformName(TransformType.ENCR, id, keyBits);
  return { id, keyBits, name, kind, keyOctets: keyBits / 8 + saltOctets, icvOctets };
}
