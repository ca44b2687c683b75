/** What a reason of the journal means: one row of the table of reasons. */

import type { JournalEntry } from "../../concentrator/journal/journal.ts";

export type Meaning = {
  /** As they follow "it is not connected:", e.g. `wrong pre-shared key`. */
  readonly words: string;
  /** What to do, in a sentence; `{peer}` stands for the site's ID. */
  readonly advice: string;
  /** What to do if the database is a file of this host (SQLite). */
  readonly adviceForFile?: string;
  /** The highest level at which the journal gives this reason. */
  readonly level: JournalEntry["level"];
  readonly follows: Follows;
  /** What the two sides of the refusal are, if not proposals. */
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
  /** Its connection has ended. */
  | "end"
  /** Its connection has ended; what failed before says why. */
  | "end-by-failure"
  /** The attempt was not examined: the failure before it still keeps the site out. */
  | "same-failure"
  /** The site has a row, which the next attempt reads again. */
  | "row-again"
  /** The site has no row yet; the next attempt looks for it again. */
  | "row-missing"
  /** Whether the site has a row is not known; the next attempt asks the database again. */
  | "database-again"
  /** The kernel refused, and IKE therefore refused too: both are one failure. */
  | "kernel-refusal"
  /** What was removed from the kernel is put back, or gets new keys. */
  | "repair"
  /** The next attempt is judged on its own. */
  | "next-attempt"
  /** No attempt of a site ends with it. */
  | "nothing";
