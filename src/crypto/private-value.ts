/** One private value of a key exchange, and what can be computed with it. */

import type { Result } from "../octets/result.ts";

export type PrivateValue = {
  /** As in the KE payload. */
  publicValue(): Uint8Array;
  /** The padded shared secret, or what is wrong with the peer's public value, in words. */
  sharedSecret(peerPublic: Uint8Array): Result<Uint8Array, string>;
  /** Ends its use: wipes what can be wiped. */
  wipe(): void;
};
