/** One private value of a key exchange, and what can be computed with it. */

import type { Result } from "../octets/result.ts";

export type PrivateValue = {
  /** As it stands in the KE payload. */
  publicValue(): Uint8Array;
  /** The padded shared secret, or in words what is wrong with the peer's public value. */
  sharedSecret(peerPublic: Uint8Array): Result<Uint8Array, string>;
  /** Ends its use: what can be wiped of it is wiped. */
  wipe(): void;
};
