/** HMAC, the basis of all built-in PRFs and integrity algorithms (RFC 2104, RFC 4868). */

import { createHmac } from "node:crypto";
import { plain } from "./plain.ts";

/** MD5 is for old routers that speak IKEv1. */
export type HmacHash = "md5" | "sha1" | "sha256" | "sha384" | "sha512";

/** HMAC of all chunks in order: the whole output, not truncated. A key may have any length. */
export function hmac(hash: HmacHash, key: Uint8Array, chunks: readonly Uint8Array[]): Uint8Array {
  const state = createHmac(hash, key);
  for (const chunk of chunks) state.update(chunk);
  return plain(state.digest());
}
