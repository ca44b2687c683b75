/** Randomised times, so that sites that connected together do not do everything together. */

import { RETRY_MS, RETRY_MS_MIN, RETRY_SHARE } from "./limits.ts";

/** `ms` times a factor from `share` to 1, drawn from `random`. */
export function jittered(ms: number, share: number, random: (count: number) => Uint8Array): number {
  const octets = random(2);
  const drawn = (octets[0] ?? 0) * 256 + (octets[1] ?? 0);
  return Math.round(ms * (share + ((1 - share) * drawn) / 0xffff));
}

/** `ms`, more or less by up to `share` of it, drawn from `random`. */
export function around(ms: number, share: number, random: (count: number) => Uint8Array): number {
  return jittered(ms * (1 + share), (1 - share) / (1 + share), random);
}

/** How long to wait before the next request for new keys, after the peer has refused one. */
export function retryMs(lifetimeMs: number, random: (count: number) => Uint8Array): number {
  const ms = Math.min(RETRY_MS, Math.max(RETRY_MS_MIN, lifetimeMs * RETRY_SHARE));
  return 2 * jittered(ms, 0.5, random);
}
