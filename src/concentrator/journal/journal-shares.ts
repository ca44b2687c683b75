/** How many entries each source has in the journal: who loses its oldest entry when it is full. */

import type { EventSource } from "./event-source.ts";

/** The share of a full journal for one site or prefix, and for all strangers together. */
const SHARE = 1 / 20;
const STRANGERS_SHARE = 1 / 2;

export type JournalShares = {
  add(source: EventSource, sequence: number): void;
  /** The sequence of the entry that goes first; it is in no share any more. */
  takeOldest(): number;
};

/** The entries of one source, the oldest first. Whatever goes is its oldest. */
type Share = { readonly key: string; readonly line: Line; readonly entries: Entry[] };

type Entry = { readonly sequence: number; readonly share: Share; isGone: boolean };

/** Entries in order. Those before `first` are gone, and some after it. */
type Line = { entries: Entry[]; first: number; count: number };

/** Entries that are gone and still in a line, beside as many as there are others. */
const GONE_MAX = 256;

/** Shares of a journal of `max` entries. */
export function createShares(max: number): JournalShares {
  const shareMax = Math.max(1, Math.floor(max * SHARE));
  const strangersMax = Math.max(1, Math.floor(max * STRANGERS_SHARE));
  const bySource = new Map<string, Share>();
  /** Sources above their share: few, because only a few shares fit into the journal. */
  const above = new Set<Share>();
  const strangers: Line = { entries: [], first: 0, count: 0 };
  const others: Line = { entries: [], first: 0, count: 0 };

  const oldest = (): Entry | undefined => {
    const stranger = firstOf(strangers);
    if (strangers.count > strangersMax) return stranger;
    const other = firstOf(others);
    if (stranger === undefined || other === undefined) return stranger ?? other;
    return stranger.sequence < other.sequence ? stranger : other;
  };
  const shareOf = ({ kind, key }: EventSource): Share => {
    const known = bySource.get(key);
    if (known !== undefined) return known;
    const share = { key, line: kind === "stranger" ? strangers : others, entries: [] };
    bySource.set(key, share);
    return share;
  };
  return {
    add(source, sequence) {
      const share = shareOf(source);
      const { line, entries } = share;
      const entry = { sequence, share, isGone: false };
      entries.push(entry);
      line.entries.push(entry);
      line.count++;
      if (line.entries.length > 2 * line.count + GONE_MAX) dropGone(line);
      if (entries.length > shareMax && source.kind !== "daemon") above.add(share);
    },
    takeOldest() {
      let share: Share | undefined;
      for (const one of above) {
        if (one.entries.length > (share?.entries.length ?? 0)) share = one;
      }
      share ??= oldest()?.share;
      const entry = share?.entries.shift();
      if (share === undefined || entry === undefined) return Number.POSITIVE_INFINITY;
      entry.isGone = true;
      share.line.count--;
      if (share.entries.length <= shareMax) above.delete(share);
      if (share.entries.length === 0) bySource.delete(share.key);
      return entry.sequence;
    },
  };
}

function firstOf(line: Line): Entry | undefined {
  for (; line.first < line.entries.length; line.first++) {
    const entry = line.entries[line.first];
    if (entry !== undefined && !entry.isGone) return entry;
  }
  return undefined;
}

/** Mostly those that are gone are the first ones. */
function dropGone(line: Line): void {
  line.entries.splice(0, line.first);
  line.first = 0;
  if (line.entries.length > line.count + GONE_MAX)
    line.entries = line.entries.filter(({ isGone }) => !isGone);
}
