/** What the journal says of a refusal. */

import type { Reason } from "../reason/reason.ts";

/** A refusal in words, for the journal: one hyphenated word and a sentence. */
export type RefusalText = {
  readonly reason: Reason;
  readonly detail: string;
  readonly offered?: readonly string[];
  readonly wanted?: readonly string[];
};
