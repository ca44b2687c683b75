/** What times of an eroute may be, in the configuration and in rows; ms. */

const DAY_MS = 86_400_000;

/** Age of a Child SA. Seconds are for trying out. */
export const LIFETIME_MS = { min: 5_000, max: 7 * DAY_MS } as const;

/** Silence after which SAs go (R13). */
export const INACTIVITY_MS = { min: 10_000, max: 30 * DAY_MS } as const;
