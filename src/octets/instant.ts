/** Time as the engine knows it: monotonic milliseconds, handed in from outside. */

export type Instant = number & { readonly unit: "ms" };

/** `ms` milliseconds after `from`. */
export function later(from: Instant, ms: number): Instant {
  return (from + ms) as Instant;
}

/** A number of monotonic milliseconds as an instant: for the shell's clock and for tests. */
export function asInstant(ms: number): Instant {
  return ms as Instant;
}
