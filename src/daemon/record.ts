/** Records what happens: counts everything, and writes what is not folded to journal and log. */

import { type EventSource, eventSourceOf } from "../concentrator/journal/event-source.ts";
import { createFolding, FOLD_MS } from "../concentrator/journal/fold.ts";
import {
  harmless,
  type Journal,
  type JournalEntry,
  type JournalRecord,
  recordOf,
} from "../concentrator/journal/journal.ts";
import type { Instant } from "../octets/instant.ts";
import type { Attempts } from "../why/attempts.ts";
import type { FailureCounts } from "../why/failure-counts.ts";
import type { Debugging } from "./debugging.ts";
import type { Log } from "./log.ts";

export type Recorder = {
  /** Adds an entry to the sites' histories and counts, and to the journal and the log. */
  record(entry: JournalEntry): void;
  /** Entries that were folded into one line with others, since the start. */
  readonly folded: number;
  /** Writes what has not been written yet; nothing comes after it. */
  stop(): void;
};

export type RecorderSettings = {
  readonly journal: Journal;
  readonly attempts: Pick<Attempts, "note">;
  readonly failures: Pick<FailureCounts, "note">;
  readonly log: Pick<Log, "write">;
  readonly debugging: Pick<Debugging, "wants">;
  /** Called after each record of the journal. */
  readonly listeners: ReadonlySet<() => void>;
  now(): Instant;
  wallMs(): number;
};

/** Nothing has happened yet. */
export function createRecorder(settings: RecorderSettings): Recorder {
  const { journal, attempts, failures, log, debugging, listeners, now, wallMs } = settings;
  const folding = createFolding(now());
  let timer: ReturnType<typeof setTimeout> | undefined;

  const write = (entry: JournalEntry, source?: EventSource): JournalRecord => {
    const record = journal.add(entry, wallMs(), source);
    for (const listener of listeners) listener();
    log.write(record, debugging.wants(record.peerId, record.remote));
    return record;
  };
  const tell = (): void => {
    timer = undefined;
    for (const entry of folding.due(now())) write(entry);
    folding.forgetQuiet(now());
    arm();
  };
  const arm = (): void => {
    if (timer !== undefined || (!folding.isWaiting && folding.size === 0)) return;
    timer = setTimeout(tell, FOLD_MS);
    timer.unref();
  };
  return {
    record(entry) {
      const safe = harmless(entry);
      const source = eventSourceOf(safe);
      const isWatched = debugging.wants(safe.peerId, safe.remote);
      const told = folding.take(safe, now(), { isWatched, source });
      const written = told === undefined ? undefined : write(told, source);
      // Every entry counts, whether it has a line of its own or not; a line may stand for others.
      const isAsWritten = told === safe && written !== undefined;
      const record = isAsWritten ? written : recordOf(safe, written?.sequence ?? 0, wallMs());
      attempts.note(record);
      failures.note(record);
      arm();
    },
    get folded() {
      return folding.folded;
    },
    stop() {
      clearTimeout(timer);
      while (folding.isWaiting) for (const entry of folding.due(now())) write(entry);
    },
  };
}
