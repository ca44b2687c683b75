/** Integrity algorithms: truncated HMACs (RFC 7296 §3.3.2, RFC 2404, RFC 4868). */

import { type HmacHash, hmac } from "./hmac.ts";
import { transformName } from "./names.ts";
import { Integ, TransformType } from "./transform.ts";

export type Integrity = {
  readonly id: number;
  /** As registered: `HMAC_SHA2_256_128`. */
  readonly name: string;
  readonly hash: HmacHash;
  readonly keyOctets: number;
  readonly icvOctets: number;
};

const INTEGRITIES: ReadonlyMap<number, Integrity> = new Map(
  [
    integrityOf(Integ.HMAC_SHA1_96, "sha1", 20, 12),
    integrityOf(Integ.HMAC_SHA2_256_128, "sha256", 32, 16),
    integrityOf(Integ.HMAC_SHA2_384_192, "sha384", 48, 24),
    integrityOf(Integ.HMAC_SHA2_512_256, "sha512", 64, 32),
  ].map((i) => [i.id, i]),
);

/** The integrity algorithm of an IKE transform number; undefined if it is not built in. */
export function integrityFor(id: number): Integrity | undefined {
  return INTEGRITIES.get(id);
}

/** The Integrity Check Value over all chunks in order: `icvOctets` long. */
export function integrityIcv(
  i: Integrity,
  key: Uint8Array,
  ...chunks: readonly Uint8Array[]
): Uint8Array {
  return hmac(i.hash, key, chunks).subarray(0, i.icvOctets);
}

function integrityOf(id: number, hash: HmacHash, keyOctets: number, icvOctets: number): Integrity {
  const name = transformName(TransformType.INTEG, id, undefined);
  return { id, name, hash, keyOctets, icvOctets };
}
