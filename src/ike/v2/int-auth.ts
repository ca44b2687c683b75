/** What AUTH covers of the messages of IKE_INTERMEDIATE (RFC 9242 §3.3.2). */

import { type Prf, prf } from "../../crypto/prf.ts";

/** A message as it is before encryption and fragmentation. */
export type CoveredMessage = {
  /** From the IKE header to the end of the Encrypted payload's generic header. */
  readonly head: Uint8Array;
  /** The payloads inside, without padding. */
  readonly inner: Uint8Array;
};

// IntAuth_i1 = prf(SK_pi1,              IntAuth_i1A | IntAuth_i1P)
// IntAuth_i2 = prf(SK_pi2, IntAuth_i1 | IntAuth_i2A | IntAuth_i2P)

/**
 * The value after one more message of an end. `SK_p` is the key of its sender before this exchange;
 * `before` is the value after its previous message.
 */
export function intAuth(
  algorithm: Prf,
  SK_p: Uint8Array,
  before: Uint8Array | undefined,
  { head, inner }: CoveredMessage,
): Uint8Array {
  return prf(algorithm, SK_p, before ?? NOTHING, adjusted(head, inner.length), inner);
}

const NOTHING = new Uint8Array(0);

/** The lengths in it count neither IV nor padding nor ICV, so that all ciphers look alike. */
function adjusted(head: Uint8Array, innerOctets: number): Uint8Array {
  const copy = head.slice();
  const length = copy.length + innerOctets;
  // Without a DataView: it would give this small array an ArrayBuffer of its own.
  copy[IKE_LENGTH_AT] = length >>> 24;
  copy[IKE_LENGTH_AT + 1] = length >>> 16;
  copy[IKE_LENGTH_AT + 2] = length >>> 8;
  copy[IKE_LENGTH_AT + 3] = length;
  const payload = GENERIC_HEADER_OCTETS + innerOctets;
  copy[copy.length - 2] = payload >>> 8;
  copy[copy.length - 1] = payload;
  return copy;
}

const IKE_LENGTH_AT = 24;
const GENERIC_HEADER_OCTETS = 4;
