/** HMAC, the basis of all built-in PRFs and integrity algorithms (RFC 2104, RFC 4868). */

import { CryptoHasher } from "bun";

/** MD5 is for old routers that speak IKEv1. */
export type HmacHash = "md5" | "sha1" | "sha256" | "sha384" | "sha512";

/** HMAC of all chunks in order: the whole output, not truncated. A key may have any length. */
export function hmac(hash: HmacHash, key: Uint8Array, chunks: readonly Uint8Array[]): Uint8Array {
  return digestOf(new CryptoHasher(hash, key), hash, chunks);
}

/** What a hasher makes of all chunks. Those of `node:crypto` are streams, which take longer. */
export function digestOf(
  hasher: CryptoHasher,
  hash: HmacHash,
  chunks: readonly Uint8Array[],
): Uint8Array {
  for (const chunk of chunks) hasher.update(chunk);
  hasher.digest(room);
  const digest = room.slice(0, DIGEST_OCTETS[hash]);
  room.fill(0);
  return digest;
}

/** A hasher wants room for the longest digest, however long its own is. */
const room = new Uint8Array(64);

/** The length of each digest. */
export const DIGEST_OCTETS = { md5: 16, sha1: 20, sha256: 32, sha384: 48, sha512: 64 } as const;
