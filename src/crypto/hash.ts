/** Hash functions used directly, not inside an HMAC (RFC 7296 §2.6, §2.23; FIPS 180-4). */

import { CryptoHasher } from "bun";
import { DIGEST_OCTETS, digestOf, type HmacHash } from "./hmac.ts";

/** SHA-1 of all chunks in order, 20 octets: for NAT detection only, which requires it. */
export function sha1(...chunks: readonly Uint8Array[]): Uint8Array {
  return hash("sha1", chunks);
}

/** SHA-256 of all chunks in order, 32 octets. */
export function sha256(...chunks: readonly Uint8Array[]): Uint8Array {
  return hash("sha256", chunks);
}

/** The hash of all chunks in order, by the name that HMACs have for it. */
export function hash(name: HmacHash, chunks: readonly Uint8Array[]): Uint8Array {
  const [only] = chunks;
  if (only === undefined || chunks.length > 1) {
    return digestOf(new CryptoHasher(name), name, chunks);
  }
  // A hasher of its own would cost more than the hash.
  const digest = new Uint8Array(DIGEST_OCTETS[name]);
  CryptoHasher.hash(name, only, digest);
  return digest;
}
