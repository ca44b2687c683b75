/** A refusal as the journal shows it. */

import type { Reason } from "../reason/reason.ts";

/** One word of the closed list of reasons, and a sentence. */
export type RefusalText = {
  readonly reason: Reason;
  readonly detail: string;
  readonly offered?: readonly string[];
  readonly wanted?: readonly string[];
};
