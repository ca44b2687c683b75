/** Work that waits for a thread, in order of precedence: bounded, and fair within a rank. */

import { type Precedence, RANKS, type Rank } from "../concentrator/precedence.ts";

export type WorkQueue<Item> = {
  /** What found no place: nothing, the item itself, or one from the prefix with the most items. */
  add(item: Item, precedence: Precedence): Item | undefined;
  /** The next item to be done. */
  take(): Item | undefined;
  /** Removes all items. */
  clear(): readonly Item[];
};

/**
 * Limit for each rank. Established sites have the most: a whole fleet may rekey at the same time.
 */
export const WAITING_MAX: Readonly<Record<Rank, number>> = {
  established: 4_096,
  known: 2_048,
  stranger: 1_024,
};

/** By prefix, each in order of arrival; the prefix whose turn is next comes first. */
type Line<Item> = { readonly prefixes: Map<string, Item[]>; size: number };

export function createWorkQueue<Item>(waitingMax = WAITING_MAX): WorkQueue<Item> {
  const lines = RANKS.map((rank) => ({
    rank,
    max: waitingMax[rank],
    size: 0,
    prefixes: new Map<string, Item[]>(),
  }));
  return {
    add(item, { rank, prefix }) {
      const line = lines.find((candidate) => candidate.rank === rank);
      if (line === undefined) return item;
      const own = line.prefixes.get(prefix);
      let left: Item | undefined;
      if (line.size >= line.max) {
        const [longest, items] = longestOf(line);
        // A prefix that already has the most items waits for its own turn.
        if (items.length <= (own?.length ?? 0) + 1) return item;
        left = items.pop();
        line.size--;
        if (items.length === 0) line.prefixes.delete(longest);
      }
      if (own === undefined) line.prefixes.set(prefix, [item]);
      else own.push(item);
      line.size++;
      return left;
    },
    take() {
      const line = lines.find(({ size }) => size > 0);
      return line === undefined ? undefined : takeFrom(line);
    },
    clear() {
      const all: Item[] = [];
      for (const line of lines) {
        for (const items of line.prefixes.values()) all.push(...items);
        line.prefixes.clear();
        line.size = 0;
      }
      return all;
    },
  };
}

function takeFrom<Item>(line: Line<Item>): Item | undefined {
  const [first] = line.prefixes;
  if (first === undefined) return undefined;
  const [prefix, items] = first;
  const item = items.shift();
  line.prefixes.delete(prefix);
  // Moved to the end: the other prefixes come before its next item.
  if (items.length > 0) line.prefixes.set(prefix, items);
  line.size--;
  return item;
}

/** No more prefixes than items: the walk is as bounded as the queue. */
function longestOf<Item>({ prefixes }: Line<Item>): readonly [string, Item[]] {
  let longest: readonly [string, Item[]] = ["", []];
  for (const entry of prefixes) if (entry[1].length > longest[1].length) longest = entry;
  return longest;
}
