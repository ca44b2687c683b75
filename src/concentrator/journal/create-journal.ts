/** The last entries of the journal, as octets: decoded only where somebody reads them. */

import { type EventSource, eventSourceOf } from "./event-source.ts";
import { harmless, type Journal, type JournalRecord, recordOf } from "./journal.ts";
import { createShares } from "./journal-shares.ts";
import { KeptRuns } from "./kept-runs.ts";
import { RecordCodec } from "./record-codec.ts";

/** A journal that keeps the last `max` entries. */
export function createJournal(max: number, codec = new RecordCodec()): Journal {
  const kept = new KeptRuns(max);
  const shares = createShares(max);
  let sequence = 0;
  const keep = (record: JournalRecord, source: EventSource): void => {
    kept.append(record.sequence, codec.write(record));
    shares.add(source, record.sequence);
    if (kept.count > max) kept.drop(kept.firstAfter(shares.takeOldest() - 1));
  };
  const read = (from: number, count: number): readonly JournalRecord[] => {
    const records: JournalRecord[] = [];
    const end = Math.min(from + count, kept.end);
    for (let at = from; at < end; at++) records.push(codec.read(kept.at(at)));
    return records;
  };
  return {
    add(entry, wallMs, source = eventSourceOf(entry)) {
      const record = recordOf(harmless(entry), ++sequence, wallMs);
      keep(record, source);
      return record;
    },
    restore(records) {
      for (const record of records) {
        if (record.sequence <= sequence) continue;
        sequence = record.sequence;
        keep(record, eventSourceOf(record));
      }
    },
    recent: (count, after = 0) => read(Math.max(kept.end - count, kept.firstAfter(after)), count),
    following: (after, count) => read(kept.firstAfter(after), count),
  };
}
