/** Time as the engine knows it: monotonic milliseconds, passed in from outside. */

export type Instant = number & { readonly unit: "ms" };

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** `ms` milliseconds after `from`. */
export function later(from: Instant, ms: number): Instant {
  return (from + ms) as Instant;
}

/**
 * Converts a number of monotonic milliseconds to an instant: for the shell's clock and for tests.
 */
export function asInstant(ms: number): Instant {
  return ms as Instant;
}
