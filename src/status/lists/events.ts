/** Which events a request wants: `site`, `level` with all that is graver, `after`, `before`. */

import type { Context } from "hono";
import type { JournalRecord } from "../../concentrator/journal/journal.ts";
import { peerKey } from "../../eroute/peer-id.ts";
import { ok, type Result } from "../../octets/result.ts";
import { oneOf, textOf, wholeNumber } from "../api/query.ts";
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

/** The last `limit` of those that are wanted, oldest first. */
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

/** `before`, for the page of those that are older. */
export function beforeOf(c: Context): Result<number | undefined, string> {
  const bounds = { least: 1, most: Number.MAX_SAFE_INTEGER, otherwise: 0 };
  const before = wholeNumber(c, "before", bounds);
  return before.ok ? ok(before.value === 0 ? undefined : before.value) : before;
}

export const EVENT_LEVELS = ["debug", "info", "warning", "error"] as const;

/** Whether a record is wanted; undefined wants all. The error says what is wrong. */
export function eventFilterOf(
  c: Context,
): Result<((record: JournalRecord) => boolean) | undefined, string> {
  const site = textOf(c, "site");
  if (!site.ok) return site;
  const level = oneOf(c, "level", EVENT_LEVELS);
  if (!level.ok) return level;
  if (site.value === undefined && level.value === undefined) return ok(undefined);
  const key = site.value === undefined ? undefined : peerKey(site.value);
  const wanted: readonly string[] = EVENT_LEVELS.slice(
    EVENT_LEVELS.indexOf(level.value ?? "debug"),
  );
  return ok(({ level: given, peerId }) => {
    if (!wanted.includes(given)) return false;
    return key === undefined || (peerId !== undefined && peerKey(peerId) === key);
  });
}
