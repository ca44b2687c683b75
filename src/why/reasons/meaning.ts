/** What a reason of the journal means: one row of the table of reasons. */

import type { JournalEntry } from "../../concentrator/journal/journal.ts";

export type Meaning = {
  /** As they follow "it is not connected:", e.g. `wrong pre-shared key`. */
  readonly words: string;
  /** What to do, in a sentence; `{peer}` stands for the site's ID. */
  readonly advice: string;
  /** The same where the database is a file of this host (SQLite). */
  readonly adviceForFile?: string;
  /** The gravest level at which the journal gives this reason. */
  readonly level: JournalEntry["level"];
  readonly follows: Follows;
  /** What both sides of the refusal are, where they are no proposals. */
  readonly compares?: "subnets" | "proof";
};

/** What follows for the site. */
export type Follows =
  /** The site is connected. */
  | "connected"
  /** It is connected, with fewer subnets than it asked for. */
  | "connected-in-part"
  /** Another SA of the site took the place of this one: nothing changes for the site. */
  | "successor"
  /** The site called again: its newer IKE SA is what counts. */
  | "newer-ike-sa"
  /** Its connection is over. */
  | "end"
  /** Its connection is over, and why is said by what failed before. */
  | "end-by-failure"
  /** The attempt was not looked at: the failure before it still keeps the site out. */
  | "same-failure"
  /** The next attempt reads its row anew: there is one. */
  | "row-again"
  /** The next attempt looks for its row again: there is none yet. */
  | "row-missing"
  /** The next attempt asks the database again: whether the site has a row is not known. */
  | "database-again"
  /** The kernel refused, and then IKE did for it: both are one failure. */
  | "kernel-refusal"
  /** What was removed from the kernel is put back, or gets new keys. */
  | "repair"
  /** The next attempt is judged by itself. */
  | "next-attempt"
  /** No attempt of a site ends with it. */
  | "nothing";
