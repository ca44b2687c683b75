/** Which of two SAs made at the same time is one too many (RFC 7296 §2.8.1). */

import { compareOctets } from "../../octets/concat.ts";

/** The lower of the two nonces of an exchange. */
export function lowerNonce(a: Uint8Array, b: Uint8Array): Uint8Array {
  return compareOctets(a, b) <= 0 ? a : b;
}

/**
 * Whether the SA made with `ours` as its lower nonce is redundant: the lowest of all four nonces
 * is among its own. Its creator deletes it.
 */
export function isRedundant(ours: Uint8Array, rivals: Uint8Array): boolean {
  return compareOctets(ours, rivals) < 0;
}
