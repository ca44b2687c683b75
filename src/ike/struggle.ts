/** A peer that refuses new keys: since when, and how often everything was tried in vain. */

import { type Instant, later } from "../octets/instant.ts";
import { retryMs } from "./jitter.ts";
import { REFUSED_ROUNDS_MAX, ROUND_FACTOR } from "./limits.ts";

export type Struggle = {
  /** When this round began. */
  readonly since: Instant;
  /** In how many rounds the peer refused all that we could try. */
  readonly rounds: number;
};

/** The peer refused once more; `isRound`: nothing is left to try in this round. */
export function struggleOn(before: Struggle | undefined, now: Instant, isRound: boolean): Struggle {
  const { since, rounds } = before ?? { since: now, rounds: 0 };
  if (!isRound) return { since, rounds };
  return { since: now, rounds: Math.min(rounds + 1, REFUSED_ROUNDS_MAX) };
}

/** When the next round begins: the more rounds have failed, the later. */
export function nextRoundAt(
  { rounds }: Struggle,
  lifetimeMs: number,
  { now, random }: { readonly now: Instant; random(count: number): Uint8Array },
): Instant {
  const factor = ROUND_FACTOR ** Math.max(0, rounds - 1);
  return later(now, Math.round(retryMs(lifetimeMs, random) * factor));
}
