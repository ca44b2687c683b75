/** Journal entries about strangers: their words are not even made where there are too many. */

import type { Instant } from "../../octets/instant.ts";
import type { Engine } from "../engine.ts";
import { createRates, Rate, type Rates } from "../rate.ts";

/** Of one address prefix, and of all of them together. */
const STRANGER_NOTES_PER_SECOND = 20;
const ALL_STRANGERS_NOTES_PER_SECOND = 200;
/** Prefixes that have a rate of their own. */
const PREFIXES_MAX = 4_096;

export type StrangerNotes = { readonly each: Rates; readonly all: Rate };

/** Nothing has been noted yet. */
export function createStrangerNotes(now: Instant): StrangerNotes {
  const each = { perSecond: STRANGER_NOTES_PER_SECOND, burst: STRANGER_NOTES_PER_SECOND };
  return {
    each: createRates(each, PREFIXES_MAX),
    all: new Rate(ALL_STRANGERS_NOTES_PER_SECOND, now),
  };
}

/** Whether another entry about strangers at this prefix may be made. */
export function mayNote({ strangerNotes, now }: Engine, prefix: string): boolean {
  return strangerNotes.each.of(prefix, now).take(now) && strangerNotes.all.take(now);
}
