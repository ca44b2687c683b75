/** How often each reason ended an attempt: for metrics, with labels from a closed set. */

import type { JournalRecord } from "../concentrator/journal/journal.ts";
import { isStepOfDaemon } from "./attempt.ts";
import { FAILURE_NAMES, failureName } from "./reason.ts";

export type FailureCounts = {
  /** Every reason, starting at 0. */
  readonly counts: ReadonlyMap<string, number>;
  /** Takes in a record that the journal has just taken in. */
  note(record: JournalRecord): void;
};

/** Nothing has failed yet. */
export function createFailureCounts(): FailureCounts {
  const counts = new Map<string, number>(FAILURE_NAMES.map((name) => [name, 0]));
  return {
    counts,
    note({ outcome, step, reason }) {
      if (isStepOfDaemon(step)) return;
      if (outcome !== "failed" && outcome !== "refused") return;
      const name = failureName(reason);
      counts.set(name, (counts.get(name) ?? 0) + 1);
    },
  };
}
