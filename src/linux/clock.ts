/** The two clocks: monotonic for the engine, wall time for people. */

import { asInstant, type Instant } from "../octets/instant.ts";

/** Monotonic milliseconds since the process started. */
export function now(): Instant {
  return asInstant(performance.now());
}

/** Milliseconds since 1970, according to the system clock. */
export function wallMs(): number {
  return Date.now();
}
