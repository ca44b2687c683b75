/**
 * How much may still be written about limits and strangers: the rate is checked before the words.
 */

import type { Instant } from "../../octets/instant.ts";
import { createRates, Rate, type Rates } from "../rate.ts";

export type Notes = {
  /** By reason: when the next event about a limit may be written, and how many were left out. */
  readonly limits: Map<string, { at: Instant; held: number }>;
  /** Strangers, by address prefix, and all of them together. */
  readonly strangers: { readonly each: Rates; readonly all: Rate };
};

/** Of one address prefix, and of all of them together. */
const STRANGER_NOTES_PER_SECOND = 20;
const ALL_STRANGERS_NOTES_PER_SECOND = 200;
/** Prefixes that have a rate of their own. */
const PREFIXES_MAX = 4_096;

/** Nothing has been noted yet. */
export function createNotes(now: Instant): Notes {
  const each = { perSecond: STRANGER_NOTES_PER_SECOND, burst: STRANGER_NOTES_PER_SECOND };
  const strangers = {
    each: createRates(each, PREFIXES_MAX),
    all: new Rate(ALL_STRANGERS_NOTES_PER_SECOND, now),
  };
  return { limits: new Map(), strangers };
}
