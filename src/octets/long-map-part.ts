/** A part of a map in order of insertion: rows are appended, and marked once they are gone. */

import { type KeyColumn, type KeyKind, widened } from "./key-column.ts";

/** Rows of a part; to make one anew with as many takes 1 ms. */
export const PART_ROWS_MAX = 16_384;
/** In the place of the number of a row. */
export const NO_ROW = -1;
/** How far the sequences of a part may lie apart. */
const SEQUENCES_MAX = 2 ** 32;
const ROWS_MIN = 16;

/** The rows of a part are in the order of their sequences, which are those of the whole map. */
export class Part<Key, Value extends NonNullable<unknown>> {
  rowsMax: number;
  readonly keys: KeyColumn<Key>;
  /** Undefined where the row is gone. */
  readonly values: (Value | undefined)[] = [];
  /** How many are not gone. */
  live = 0;
  /** How many values of them count. */
  counted = 0;
  #hashes: Int32Array;
  readonly #firstSequence: number;
  #sequences: Uint32Array;
  /** Numbers of rows plus one, each behind where its hash points. Half of them are 0 at least. */
  #index: Uint16Array;
  /** No row before it is left. */
  #first = 0;

  /** `octets`: room for texts. */
  constructor(kind: KeyKind<Key>, rowsMax: number, firstSequence: number, octets = 0) {
    this.rowsMax = rowsMax;
    this.keys = kind(rowsMax, octets);
    this.#hashes = new Int32Array(rowsMax);
    this.#firstSequence = firstSequence;
    this.#sequences = new Uint32Array(rowsMax);
    this.#index = indexFor(rowsMax);
  }

  /** Makes room for so many rows at least; those that are there keep their numbers. */
  widen(rowsMax: number): void {
    // No room may also mean that the sequences have gone too far.
    if (rowsMax <= this.rowsMax) return;
    this.rowsMax = rowsMax;
    this.keys.widen(rowsMax);
    this.#hashes = widened(this.#hashes, new Int32Array(rowsMax));
    this.#sequences = widened(this.#sequences, new Uint32Array(rowsMax));
    if (indexRoom(rowsMax) === this.#index.length) return;
    this.#index = indexFor(rowsMax);
    for (let row = 0; row < this.rows; row++) this.#enter(row, this.hashAt(row));
  }

  get rows(): number {
    return this.values.length;
  }

  /** Whether a row of this sequence finds room. */
  hasRoom(sequence: number): boolean {
    return this.rows < this.rowsMax && sequence - this.#firstSequence < SEQUENCES_MAX;
  }

  /** The row of a key, whose hash this is. */
  find(key: Key, hash: number): number {
    const index = this.#index;
    const mask = index.length - 1;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const row = (index[at] ?? 0) - 1;
      if (row === NO_ROW) return NO_ROW;
      if (this.#hashes[row] !== hash || this.values[row] === undefined) continue;
      if (this.keys.isAt(row, key)) return row;
    }
  }

  append(key: Key, hash: number, value: Value, sequence: number): void {
    this.keys.append(key);
    this.#add(hash, value, sequence);
  }

  /** Appends a row of this part or of another one, under a sequence of its own or the same. */
  appendFrom(other: Part<Key, Value>, row: number, value: Value, sequence: number): void {
    this.keys.appendFrom(other.keys, row);
    this.#add(other.hashAt(row), value, sequence);
  }

  remove(row: number): void {
    this.values[row] = undefined;
    this.live--;
  }

  hashAt(row: number): number {
    return this.#hashes[row] ?? 0;
  }

  sequenceAt(row: number): number {
    return this.#firstSequence + (this.#sequences[row] ?? 0);
  }

  /** The first row that is left, or the number of rows. */
  firstRow(): number {
    while (this.#first < this.rows && this.values[this.#first] === undefined) this.#first++;
    return this.#first;
  }

  /** The first row, gone or not, whose sequence is not before this one; or the number of rows. */
  rowFrom(sequence: number): number {
    let [low, high] = [0, this.rows];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.sequenceAt(middle) < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #add(hash: number, value: Value, sequence: number): void {
    const row = this.rows;
    this.#hashes[row] = hash;
    this.#sequences[row] = sequence - this.#firstSequence;
    this.values.push(value);
    this.live++;
    this.#enter(row, hash);
  }

  #enter(row: number, hash: number): void {
    const index = this.#index;
    const mask = index.length - 1;
    let at = hash & mask;
    while (index[at] !== 0) at = (at + 1) & mask;
    index[at] = row + 1;
  }
}

function indexRoom(rowsMax: number): number {
  return 2 ** Math.ceil(Math.log2(2 * rowsMax));
}

function indexFor(rowsMax: number): Uint16Array {
  return new Uint16Array(indexRoom(rowsMax));
}

/** A part with the rows that are left in others, which follow each other, and room for more. */
export function partOf<Key, Value extends NonNullable<unknown>>(
  kind: KeyKind<Key>,
  former: readonly Part<Key, Value>[],
  room: number,
  nextSequence: number,
): Part<Key, Value> {
  const live = former.reduce((sum, part) => sum + part.live, 0);
  const rowsMax = Math.min(PART_ROWS_MAX, Math.max(ROWS_MIN, live + room));
  const first = firstSequenceOf(former) ?? nextSequence;
  const octets = former.reduce((sum, { keys, live: left, rows }) => {
    return sum + Math.ceil((keys.octets * left) / Math.max(1, rows));
  }, 0);
  const part = new Part<Key, Value>(kind, rowsMax, first, octets);
  for (const before of former) {
    for (let row = before.firstRow(); row < before.rows; row++) {
      const value = before.values[row];
      if (value !== undefined) part.appendFrom(before, row, value, before.sequenceAt(row));
    }
    part.counted += before.counted;
  }
  return part;
}

/** Whether the rows of both find room in one part, which is half empty then. */
export function canBeOne<Key, Value extends NonNullable<unknown>>(
  one: Part<Key, Value>,
  next: Part<Key, Value>,
): boolean {
  const [first = 0, last = 0] = [firstSequenceOf([one, next]), next.sequenceAt(next.rows - 1)];
  return one.live + next.live <= PART_ROWS_MAX / 2 && last - first < SEQUENCES_MAX;
}

function firstSequenceOf<Key, Value extends NonNullable<unknown>>(
  parts: readonly Part<Key, Value>[],
): number | undefined {
  const part = parts.find(({ live }) => live > 0);
  return part?.sequenceAt(part.firstRow());
}
