/** New keys that the peer refuses: since when, and how often everything was tried in vain. */

import { type Instant, later } from "../octets/instant.ts";
import { retryMs } from "./jitter.ts";
import { REFUSED_ROUNDS_MAX, ROUND_FACTOR } from "./limits.ts";

export type Struggle = {
  /** Of this round. */
  readonly since: Instant;
  /** How often all that could be tried was refused. */
  readonly rounds: number;
};

/** One more setback; `isRound`: nothing is left to be tried. */
export function struggleOn(before: Struggle | undefined, now: Instant, isRound: boolean): Struggle {
  const { since, rounds } = before ?? { since: now, rounds: 0 };
  if (!isRound) return { since, rounds };
  return { since: now, rounds: Math.min(rounds + 1, REFUSED_ROUNDS_MAX) };
}

/** When to begin again: the later, the oftener all of it was refused. */
export function nextRoundAt(
  { rounds }: Struggle,
  lifetimeMs: number,
  { now, random }: { readonly now: Instant; random(count: number): Uint8Array },
): Instant {
  const factor = ROUND_FACTOR ** Math.max(0, rounds - 1);
  return later(now, Math.round(retryMs(lifetimeMs, random) * factor));
}
