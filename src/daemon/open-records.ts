/** The journal and the histories of sites, empty. */

import { createJournal } from "../concentrator/journal/create-journal.ts";
import type { Journal } from "../concentrator/journal/journal.ts";
import { RecordCodec } from "../concentrator/journal/record-codec.ts";
import type { Config } from "../config/config.ts";
import { seededTextKeys } from "../octets/key-column.ts";
import { type Attempts, createAttempts } from "../why/attempts.ts";

/** Records that are kept for `/api/v1/events`. */
const JOURNAL_MAX = 10_000;
/** Sites whose attempts are remembered, if only few can be connected. */
const HISTORIES_MIN = 1_024;

/** What the journal has written, the histories keep as it is. */
export function openRecords({ plan: { limits } }: Config): {
  readonly journal: Journal;
  readonly attempts: Attempts;
} {
  const codec = new RecordCodec();
  // IDs with one hash would make each look-up a walk over all of them.
  const [seed = 0] = crypto.getRandomValues(new Uint32Array(1));
  // As many sites as can be connected: a few KB at most are kept for each.
  const knownMax = Math.max(HISTORIES_MIN, limits.dynamicEroutesMax);
  return {
    journal: createJournal(JOURNAL_MAX, codec),
    attempts: createAttempts(knownMax, undefined, codec, seededTextKeys(seed)),
  };
}
