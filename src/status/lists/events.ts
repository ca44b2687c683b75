/** The events that a request selects: of a site, of a level or more severe, after or before one. */

import { JOURNAL_LEVELS, type JournalRecord } from "../../concentrator/journal/journal.ts";
import { peerKey } from "../../eroute/peer-id.ts";
import type { StatusSource } from "../source.ts";

export type EventsWanted = {
  /** Only sequences above it; 0 is below all. */
  readonly after: number;
  /** Only sequences below it. */
  readonly before: number | undefined;
  readonly wants: ((record: JournalRecord) => boolean) | undefined;
};

/** More than the journal keeps. */
const EVENTS_MAX = 100_000;

/** The last `limit` matching events, oldest first. */
export function eventsOf(
  source: Pick<StatusSource, "events">,
  { after, before, wants }: EventsWanted,
  limit: number,
): readonly JournalRecord[] {
  if (before === undefined && wants === undefined) return source.events(limit, after);
  return source
    .events(EVENTS_MAX, after)
    .filter((record) => before === undefined || record.sequence < before)
    .filter(wants ?? (() => true))
    .slice(-limit);
}

/** Whether a record is of this site, and of this level or a more severe one; undefined: all are. */
export function eventFilter({
  site,
  level,
}: {
  readonly site: string | undefined;
  readonly level: JournalRecord["level"] | undefined;
}): ((record: JournalRecord) => boolean) | undefined {
  if (site === undefined && level === undefined) return undefined;
  const key = site === undefined ? undefined : peerKey(site);
  const wanted: readonly string[] = JOURNAL_LEVELS.slice(JOURNAL_LEVELS.indexOf(level ?? "debug"));
  return ({ level: given, peerId }) => {
    if (!wanted.includes(given)) return false;
    return key === undefined || (peerId !== undefined && peerKey(peerId) === key);
  };
}
