/** Pseudorandom functions and prf+ (RFC 7296 §2.13; RFC 2404, RFC 4868 for the HMACs). */

import { assert } from "../octets/assert.ts";
import { wipe } from "../octets/secret.ts";
import { type HmacHash, hmac } from "./hmac.ts";
import { transformName } from "./names.ts";
import { PrfId, TransformType } from "./transform.ts";

export type Prf = {
  readonly id: number;
  /** As registered: `PRF_HMAC_SHA2_256`. */
  readonly name: string;
  readonly hash: HmacHash;
  /** Preferred key length, which is that of SK_d, SK_pi and SK_pr. Longer and shorter keys work. */
  readonly keyOctets: number;
  readonly outputOctets: number;
};

/** prf+ numbers its blocks with one octet, from 1 on. */
const BLOCKS_MAX = 255;

const PRFS: ReadonlyMap<number, Prf> = new Map(
  [
    prfOf(PrfId.HMAC_SHA1, "sha1", 20),
    prfOf(PrfId.HMAC_SHA2_256, "sha256", 32),
    prfOf(PrfId.HMAC_SHA2_384, "sha384", 48),
    prfOf(PrfId.HMAC_SHA2_512, "sha512", 64),
  ].map((p) => [p.id, p]),
);

/** The PRF of an IKE transform number; undefined if it is not built in. */
export function prfFor(id: number): Prf | undefined {
  return PRFS.get(id);
}

/** prf(key, chunks in order): `outputOctets` long. */
export function prf(p: Prf, key: Uint8Array, ...chunks: readonly Uint8Array[]): Uint8Array {
  return hmac(p.hash, key, chunks);
}

/** The first `octets` of prf+(key, seed); at most 255 outputs of the prf. */
export function prfPlus(p: Prf, key: Uint8Array, seed: Uint8Array, octets: number): Uint8Array {
  const blocks = Math.ceil(octets / p.outputOctets);
  if (blocks > BLOCKS_MAX) {
    assert(false, `prf+ of ${octets} octets, at most ${BLOCKS_MAX * p.outputOctets}`);
  }
  // T1 = prf (K, S | 0x01), T2 = prf (K, T1 | S | 0x02), T3 = prf (K, T2 | S | 0x03) …
  const stream = new Uint8Array(blocks * p.outputOctets);
  const numbered = new Uint8Array(seed.length + 1);
  numbered.set(seed);
  let former: Uint8Array | undefined;
  for (let block = 1; block <= blocks; block++) {
    numbered[seed.length] = block;
    const T = hmac(p.hash, key, former === undefined ? [numbered] : [former, numbered]);
    stream.set(T, (block - 1) * p.outputOctets);
    wipe(former);
    former = T;
  }
  wipe(former, numbered);
  if (stream.length === octets) return stream;
  const cut = stream.slice(0, octets);
  wipe(stream);
  return cut;
}

function prfOf(id: number, hash: HmacHash, octets: number): Prf {
  const name = transformName(TransformType.PRF, id, undefined);
  return { id, name, hash, keyOctets: octets, outputOctets: octets };
}
