/**
 * Algorithms of IKEv1: AES-CBC and HMACs as in IKEv2, and 3DES and MD5, which only old routers
 * need. An eroute has to allow these by name (RFC 2409 §4, RFC 2451, RFC 2403).
 */

import { type CbcEncryption, encryptionFor } from "./encryption.ts";
import {
  type EspEncryption,
  type EspIntegrity,
  espEncryptionFor,
  espIntegrityFor,
} from "./esp-algorithm.ts";
import { transformName } from "./names.ts";
import { type Prf, prfFor } from "./prf.ts";
import { Encr, Integ, Ke, PrfId, TransformType } from "./transform.ts";

/** Three keys of 8 octets, whose parity bits are not checked. No key length attribute. */
const DES3_CBC: CbcEncryption = {
  kind: "cbc",
  id: Encr.DES3,
  keyBits: undefined,
  name: transformName(TransformType.ENCR, Encr.DES3, undefined),
  cipher: "des-ede3-cbc",
  keyOctets: 24,
  saltOctets: 0,
  ivOctets: 8,
  icvOctets: 0,
  blockOctets: 8,
};

const HMAC_MD5: Prf = {
  id: PrfId.HMAC_MD5,
  name: transformName(TransformType.PRF, PrfId.HMAC_MD5, undefined),
  hash: "md5",
  keyOctets: 16,
  outputOctets: 16,
};

const ONLY_IKEV1_ESP_INTEGRITY: readonly EspIntegrity[] = [
  espIntegrity(Integ.HMAC_MD5_96, 16),
  espIntegrity(Integ.HMAC_SHA2_256_96, 32),
];

/** What an eroute has to allow by name: SHA-1 as well, because it goes with the others. */
const LEGACY: readonly (readonly [type: number, id: number])[] = [
  [TransformType.ENCR, Encr.DES3],
  [TransformType.PRF, PrfId.HMAC_MD5],
  [TransformType.PRF, PrfId.HMAC_SHA1],
  [TransformType.INTEG, Integ.HMAC_MD5_96],
  [TransformType.INTEG, Integ.HMAC_SHA1_96],
  [TransformType.KE, Ke.MODP_1024],
  [TransformType.KE, Ke.MODP_1536],
];

/** The cipher of an IKE transform that an ISAKMP SA can have; undefined if there is none. */
export function isakmpEncryptionFor(
  id: number,
  keyBits: number | undefined,
): CbcEncryption | undefined {
  if (id === DES3_CBC.id && keyBits === undefined) return DES3_CBC;
  const found = encryptionFor(id, keyBits);
  return found?.kind === "cbc" ? found : undefined;
}

/** The PRF of an IKE transform number, MD5 included; undefined if it is not built in. */
export function isakmpPrfFor(id: number): Prf | undefined {
  return id === HMAC_MD5.id ? HMAC_MD5 : prfFor(id);
}

/** The ESP encryption of an IKE transform, 3DES included; undefined if it is not built in. */
export function anyEspEncryptionFor(
  id: number,
  keyBits: number | undefined,
): EspEncryption | undefined {
  return espEncryptionFor(id, keyBits) ?? isakmpEncryptionFor(id, keyBits);
}

/**
 * The ESP integrity algorithm of an IKE transform number, also MD5 and SHA2-256 truncated to 96
 * bits; undefined if it is not built in.
 */
export function anyEspIntegrityFor(id: number): EspIntegrity | undefined {
  return espIntegrityFor(id) ?? ONLY_IKEV1_ESP_INTEGRITY.find((integ) => integ.id === id);
}

/** The names of all that an eroute has to allow. */
export const LEGACY_NAMES: readonly string[] = LEGACY.map(([type, id]) =>
  transformName(type, id, undefined),
);

/** Whether an eroute has to allow this transform by name. */
export function isLegacy(type: number, id: number): boolean {
  return LEGACY.some((one) => one[0] === type && one[1] === id);
}

function espIntegrity(id: number, keyOctets: number): EspIntegrity {
  const name = transformName(TransformType.INTEG, id, undefined);
  return { id, name, keyOctets, icvOctets: 12 };
}
