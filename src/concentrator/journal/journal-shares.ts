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

/** The entries of one source. Whatever goes is its oldest. */
type Share = { readonly key: string; readonly line: Line; readonly sequences: number[] };

type Entry = { readonly sequence: number; readonly share: Share };

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
    const share = { key, line: kind === "stranger" ? strangers : others, sequences: [] };
    bySource.set(key, share);
    return share;
  };
  return {
    add(source, sequence) {
      const share = shareOf(source);
      const { line, sequences } = share;
      sequences.push(sequence);
      line.entries.push({ sequence, share });
      line.count++;
      if (line.entries.length > 2 * line.count + GONE_MAX) withoutGone(line);
      if (sequences.length > shareMax && source.kind !== "daemon") above.add(share);
    },
    takeOldest() {
      let share: Share | undefined;
      for (const one of above) {
        if (one.sequences.length > (share?.sequences.length ?? 0)) share = one;
      }
      share ??= oldest()?.share;
      const sequence = share?.sequences.shift();
      if (share === undefined || sequence === undefined) return Number.POSITIVE_INFINITY;
      share.line.count--;
      if (share.sequences.length <= shareMax) above.delete(share);
      if (share.sequences.length === 0) bySource.delete(share.key);
      return sequence;
    },
  };
}

function isGone({ sequence, share: { sequences } }: Entry): boolean {
  return sequence < (sequences[0] ?? Number.POSITIVE_INFINITY);
}

function firstOf(line: Line): Entry | undefined {
  for (; line.first < line.entries.length; line.first++) {
    const entry = line.entries[line.first];
    if (entry !== undefined && !isGone(entry)) return entry;
  }
  return undefined;
}

function withoutGone(line: Line): void {
  line.entries = line.entries.filter((entry) => !isGone(entry));
  line.first = 0;
}
