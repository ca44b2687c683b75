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

/** Shares of a journal of `max` entries. */
export function createShares(max: number): JournalShares {
  const shareMax = Math.max(1, Math.floor(max * SHARE));
  const strangersMax = Math.max(1, Math.floor(max * STRANGERS_SHARE));
  const bySource = new Map<string, number[]>();
  /** Sources above their share: few, because only a few shares fit into the journal. */
  const above = new Set<string>();
  /** The source of each entry, the oldest first. */
  const ofStrangers = new Map<number, string>();
  const ofOthers = new Map<number, string>();

  const oldest = (): number => {
    const [stranger = Number.POSITIVE_INFINITY] = ofStrangers.keys();
    if (ofStrangers.size > strangersMax) return stranger;
    const [other = Number.POSITIVE_INFINITY] = ofOthers.keys();
    return Math.min(stranger, other);
  };
  const remove = (sequence: number): void => {
    const source = ofStrangers.get(sequence) ?? ofOthers.get(sequence);
    ofStrangers.delete(sequence);
    ofOthers.delete(sequence);
    if (source === undefined) return;
    const sequences = bySource.get(source) ?? [];
    // Whatever goes is the oldest of its source.
    sequences.shift();
    if (sequences.length <= shareMax) above.delete(source);
    if (sequences.length === 0) bySource.delete(source);
  };
  return {
    add({ kind, key }, sequence) {
      const sequences = bySource.get(key) ?? [];
      sequences.push(sequence);
      bySource.set(key, sequences);
      (kind === "stranger" ? ofStrangers : ofOthers).set(sequence, key);
      if (sequences.length > shareMax && kind !== "daemon") above.add(key);
    },
    takeOldest() {
      let going: readonly number[] = [];
      for (const source of above) {
        const sequences = bySource.get(source) ?? [];
        if (sequences.length > going.length) going = sequences;
      }
      const sequence = going[0] ?? oldest();
      remove(sequence);
      return sequence;
    },
  };
}
