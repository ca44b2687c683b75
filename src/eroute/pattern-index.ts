/**
 * Patterns found by their plain ends: what stands before the first wildcard and after the last one.
 * Of thousands of patterns, only those are compared whose ends fit.
 */

import type { Pattern } from "./pattern.ts";
import { peerKey } from "./peer-id.ts";

/** The plain ends of a pattern; of an ID without wildcards both are the whole of it. */
type Ends = {
  readonly start: string;
  /** Backwards: the last character first. */
  readonly end: string;
};

type Item<T> = Ends & { readonly value: T };

/** Patterns with the same start. */
type Group<T> = {
  readonly byEnd: Map<string, T[]>;
  readonly endLengths: Set<number>;
  /** In order of their ends, once somebody asks for the longer ones. */
  sorted: readonly Item<T>[] | undefined;
  readonly items: Item<T>[];
};

export type PatternIndex<T> = {
  readonly byStart: Map<string, Group<T>>;
  readonly startLengths: Set<number>;
};

export function createPatternIndex<T>(): PatternIndex<T> {
  return { byStart: new Map(), startLengths: new Set() };
}

/** Adds a value under its pattern. */
export function putPattern<T>(index: PatternIndex<T>, { text }: Pattern, value: T): void {
  const { start, end } = endsOf(text);
  let group = index.byStart.get(start);
  if (group === undefined) {
    group = { byEnd: new Map(), endLengths: new Set(), sorted: undefined, items: [] };
    index.byStart.set(start, group);
    index.startLengths.add(start.length);
  }
  group.items.push({ start, end, value });
  group.sorted = undefined;
  const same = group.byEnd.get(end);
  if (same === undefined) {
    group.byEnd.set(end, [value]);
    group.endLengths.add(end.length);
  } else same.push(value);
}

/** The values of all patterns that may match this ID; a few of them do not. */
export function* valuesFor<T>(index: PatternIndex<T>, peerId: string): Generator<T> {
  const start = peerKey(peerId);
  yield* valuesWithin(index, { start, end: backwards(start) });
}

/** The values of all patterns that may match every ID that this one matches. */
export function valuesOver<T>(index: PatternIndex<T>, { text }: Pattern): Generator<T> {
  return valuesWithin(index, endsOf(text));
}

/**
 * The values of all patterns that may match an ID that this one matches, too, and whose starts are
 * as long or shorter: the others find this one.
 */
export function* valuesMeeting<T>(index: PatternIndex<T>, { text }: Pattern): Generator<T> {
  const ends = endsOf(text);
  yield* valuesWithin(index, ends);
  for (const group of groupsAt(index, ends.start)) {
    group.sorted ??= group.items.toSorted((a, b) => (a.end < b.end ? -1 : a.end > b.end ? 1 : 0));
    for (let at = firstAfter(group.sorted, ends.end); ; at++) {
      const item = group.sorted[at];
      if (item === undefined || !item.end.startsWith(ends.end)) break;
      yield item.value;
    }
  }
}

/** Those whose start is one of `start`, and whose end is one of `end`. */
function* valuesWithin<T>(index: PatternIndex<T>, { start, end }: Ends): Generator<T> {
  for (const { byEnd, endLengths } of groupsAt(index, start)) {
    for (const length of endLengths) {
      if (length <= end.length) yield* byEnd.get(end.slice(0, length)) ?? [];
    }
  }
}

function* groupsAt<T>({ byStart, startLengths }: PatternIndex<T>, start: string) {
  for (const length of startLengths) {
    const group = length > start.length ? undefined : byStart.get(start.slice(0, length));
    if (group !== undefined) yield group;
  }
}

/** The place of the first item whose end comes after this one. */
function firstAfter<T>(sorted: readonly Item<T>[], end: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle]?.end ?? "") <= end) low = middle + 1;
    else high = middle;
  }
  return low;
}

function endsOf(text: string): Ends {
  const key = peerKey(text);
  const first = key.search(/[*?]/);
  if (first < 0) return { start: key, end: backwards(key) };
  const last = Math.max(key.lastIndexOf("*"), key.lastIndexOf("?"));
  return { start: key.slice(0, first), end: backwards(key.slice(last + 1)) };
}

/** By UTF-16 units: it is only compared. */
function backwards(text: string): string {
  let reversed = "";
  for (let at = text.length - 1; at >= 0; at--) reversed += text[at];
  return reversed;
}
