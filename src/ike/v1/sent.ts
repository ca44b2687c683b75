/** A message of ours in Phase 1, for repeats of the one that it answers. */

import type { Instant } from "../../octets/instant.ts";

export type Sent = {
  /** SHA-256 of the message that it answers. */
  readonly digest: Uint8Array;
  readonly octets: Uint8Array;
  /** How many more repeats are answered, and from when on. */
  readonly left: number;
  readonly from: Instant;
};
