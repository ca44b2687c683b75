/** How many sites are at rest, by what is shown of all sites. */

import type { Lexicon, Resting } from "../resting.ts";
import type { Kind } from "./document.ts";

/** A site is at rest from now on. */
export function countRested(resting: Resting, kind: Kind, lexicon: Lexicon): void {
  count(resting, kind, 1);
  lexicon.sites++;
}

/** It is not any more: what it had in common with others is given up with the last of them. */
export function countWoken(resting: Resting, kind: Kind, lexicon: Lexicon): void {
  count(resting, kind, -1);
  if (--lexicon.sites === 0 && lexicon !== resting.lexicon) resting.lexicons.delete(lexicon.number);
}

/** The numbers alone. */
export function count({ resters }: Resting, { isV1, canBeSentAway }: Kind, by: 1 | -1): void {
  if (isV1) resters.v1 += by;
  else resters.v2 += by;
  if (canBeSentAway) resters.canBeSentAway += by;
}
