/** Which of two SAs made at the same time is redundant (RFC 7296 §2.8.1). */

import { compareOctets } from "../../octets/concat.ts";

/** The lower of the two nonces of an exchange. */
export function lowerNonce(a: Uint8Array, b: Uint8Array): Uint8Array {
  return compareOctets(a, b) <= 0 ? a : b;
}

/**
 * Whether the SA whose lower nonce is `ours` is redundant, because the lowest of all four nonces is
 * one of its own. The end that created it deletes it.
 */
export function isRedundant(ours: Uint8Array, rivals: Uint8Array): boolean {
  return compareOctets(ours, rivals) < 0;
}
