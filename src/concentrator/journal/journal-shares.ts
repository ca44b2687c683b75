/**
 * How many entries each source has in the journal: who loses its oldest entry when it is full. In
 * columns of numbers: there are as many rows as entries, and an object for each would be marked by
 * every collection.
 */

import { textKeys } from "../../octets/key-column.ts";
import { LongMap } from "../../octets/long-map.ts";
import { type TextPlace, TextRuns } from "../../octets/text-runs.ts";
import type { EventSource } from "./event-source.ts";

/** The share of a full journal for one site or prefix, and for all strangers together. */
const SHARE = 1 / 20;
const STRANGERS_SHARE = 1 / 2;

export type JournalShares = {
  add(source: EventSource, sequence: number): void;
  /** The sequence of the entry that goes first; it is in no share any more. */
  takeOldest(): number;
};

/** Entries in order: those of strangers, or those of all others. */
type Line = { first: number; last: number; count: number };

/** In the place of the number of a row. */
const NONE = -1;

/** Shares of a journal of `max` entries, and of the one that comes before one is taken. */
export function createShares(max: number): JournalShares {
  return new Shares(max);
}

class Shares implements JournalShares {
  readonly #shareMax: number;
  readonly #strangersMax: number;
  readonly #entries: Entries;
  readonly #sources: Sources;
  /** Sources above their share: few, because only a few shares fit into the journal. */
  readonly #above = new Set<number>();
  readonly #strangers: Line = { first: NONE, last: NONE, count: 0 };
  readonly #others: Line = { first: NONE, last: NONE, count: 0 };

  constructor(max: number) {
    this.#shareMax = Math.max(1, Math.floor(max * SHARE));
    this.#strangersMax = Math.max(1, Math.floor(max * STRANGERS_SHARE));
    this.#entries = new Entries(max + 1);
    this.#sources = new Sources(max + 1);
  }

  add({ kind, key }: EventSource, sequence: number): void {
    const sources = this.#sources;
    const source = sources.withKey(key, kind === "stranger");
    const entry = this.#entries.append(this.#lineOf(source), sequence, source);
    const count = sources.append(source, entry, this.#entries);
    if (count > this.#shareMax && kind !== "daemon") this.#above.add(source);
  }

  takeOldest(): number {
    const sources = this.#sources;
    const source = this.#above.size > 0 ? this.#noisiest() : this.#sourceOfOldest();
    if (source === NONE) return Number.POSITIVE_INFINITY;
    const line = this.#lineOf(source);
    const entry = sources.firstOf(source);
    const sequence = this.#entries.sequenceOf(entry);
    if (sources.countOf(source) - 1 <= this.#shareMax) this.#above.delete(source);
    sources.shift(source, this.#entries);
    this.#entries.remove(line, entry);
    return sequence;
  }

  #noisiest(): number {
    let noisiest = NONE;
    for (const one of this.#above) {
      const isMore = this.#sources.countOf(one) > this.#sources.countOf(noisiest);
      if (noisiest === NONE || isMore) noisiest = one;
    }
    return noisiest;
  }

  #sourceOfOldest(): number {
    const { first: stranger, count } = this.#strangers;
    const { first: other } = this.#others;
    const entries = this.#entries;
    const isStranger =
      count > this.#strangersMax ||
      other === NONE ||
      (stranger !== NONE && entries.sequenceOf(stranger) < entries.sequenceOf(other));
    const entry = isStranger ? stranger : other;
    return entry === NONE ? NONE : entries.sourceOf(entry);
  }

  #lineOf(source: number): Line {
    return this.#sources.isStranger(source) ? this.#strangers : this.#others;
  }
}

/** Rows from 0, as many as there can be; those that are free are used again. */
class Rows {
  readonly #next: Int32Array;
  #free = NONE;
  #used = 0;

  constructor(max: number) {
    this.#next = new Int32Array(max);
  }

  take(): number {
    const row = this.#free;
    if (row === NONE) return this.#used++;
    this.#free = this.#next[row] ?? NONE;
    return row;
  }

  giveBack(row: number): void {
    this.#next[row] = this.#free;
    this.#free = row;
  }
}

/** The entries, each in its line, and behind the entry of its source that came before. */
class Entries {
  readonly #rows: Rows;
  readonly #sequences: Float64Array;
  readonly #sources: Int32Array;
  readonly #older: Int32Array;
  readonly #newer: Int32Array;
  readonly #nextOfSource: Int32Array;

  constructor(max: number) {
    this.#rows = new Rows(max);
    this.#sequences = new Float64Array(max);
    this.#sources = new Int32Array(max);
    this.#older = new Int32Array(max);
    this.#newer = new Int32Array(max);
    this.#nextOfSource = new Int32Array(max);
  }

  append(line: Line, sequence: number, source: number): number {
    const row = this.#rows.take();
    this.#sequences[row] = sequence;
    this.#sources[row] = source;
    this.#nextOfSource[row] = NONE;
    this.#older[row] = line.last;
    this.#newer[row] = NONE;
    if (line.last === NONE) line.first = row;
    else this.#newer[line.last] = row;
    line.last = row;
    line.count++;
    return row;
  }

  remove(line: Line, row: number): void {
    const older = this.#older[row] ?? NONE;
    const newer = this.#newer[row] ?? NONE;
    if (older === NONE) line.first = newer;
    else this.#newer[older] = newer;
    if (newer === NONE) line.last = older;
    else this.#older[newer] = older;
    line.count--;
    this.#rows.giveBack(row);
  }

  sequenceOf(row: number): number {
    return this.#sequences[row] ?? Number.POSITIVE_INFINITY;
  }

  sourceOf(row: number): number {
    return this.#sources[row] ?? NONE;
  }

  nextOfSource(row: number): number {
    return this.#nextOfSource[row] ?? NONE;
  }

  follow(row: number, next: number): void {
    this.#nextOfSource[row] = next;
  }
}

/** The sources that have entries. Whatever goes is the oldest of its source. */
class Sources {
  readonly #rows: Rows;
  readonly #byKey = new LongMap<string, number>(textKeys);
  readonly #texts = new TextRuns();
  /** The keys, in {@link Sources.#texts}. */
  readonly #keys: Float64Array;
  readonly #isStranger: Uint8Array;
  readonly #counts: Int32Array;
  readonly #first: Int32Array;
  readonly #last: Int32Array;

  constructor(max: number) {
    this.#rows = new Rows(max);
    this.#keys = new Float64Array(max);
    this.#isStranger = new Uint8Array(max);
    this.#counts = new Int32Array(max);
    this.#first = new Int32Array(max);
    this.#last = new Int32Array(max);
  }

  /** The source, which may have no entry yet. */
  withKey(key: string, isStranger: boolean): number {
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const row = this.#rows.take();
    this.#byKey.set(key, row);
    this.#keys[row] = this.#texts.put(key);
    this.#isStranger[row] = isStranger ? 1 : 0;
    this.#counts[row] = 0;
    return row;
  }

  /** Returns how many entries it has now. */
  append(row: number, entry: number, entries: Entries): number {
    const count = this.countOf(row);
    if (count === 0) this.#first[row] = entry;
    else entries.follow(this.#last[row] ?? NONE, entry);
    this.#last[row] = entry;
    this.#counts[row] = count + 1;
    return count + 1;
  }

  /** Its first entry goes; a source without entries is forgotten. */
  shift(row: number, entries: Entries): void {
    const count = this.countOf(row) - 1;
    this.#first[row] = entries.nextOfSource(this.firstOf(row));
    this.#counts[row] = count;
    if (count > 0) return;
    const place = this.#keys[row] as TextPlace;
    this.#byKey.delete(this.#texts.at(place));
    this.#texts.free(place);
    this.#rows.giveBack(row);
  }

  countOf(row: number): number {
    return this.#counts[row] ?? 0;
  }

  firstOf(row: number): number {
    return this.#first[row] ?? NONE;
  }

  isStranger(row: number): boolean {
    return this.#isStranger[row] === 1;
  }
}
