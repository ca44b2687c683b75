/** Bounds for the times of an eroute, in the configuration and in rows; ms. */

import { DAY_MS } from "../octets/instant.ts";

/** Age of a Child SA. Seconds are for experiments. */
export const LIFETIME_MS = { min: 5_000, max: 7 * DAY_MS } as const;

/** Time without packets after which SAs are removed (R13). */
export const INACTIVITY_MS = { min: 10_000, max: 30 * DAY_MS } as const;
