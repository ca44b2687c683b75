/** The next deadlines of all IKE SAs: a binary heap whose rows know where in it they are. */

import type { Instant } from "../octets/instant.ts";
import { bigintKeys, widened } from "../octets/key-column.ts";
import { LongMap } from "../octets/long-map.ts";

const ROWS_MIN = 16;
/** In the place of the number of a row. */
const NO_ROW = -1;

/**
 * Keys with one instant each; setting a key again moves its row. A heap that leaves former rows
 * where they are is simpler, but holds several for each IKE SA, and has to be made anew at times.
 * In columns of numbers, because each site has a row.
 */
export class DeadlineHeap {
  readonly #rows = new LongMap<bigint, number>(bigintKeys);
  #keys = new BigUint64Array(ROWS_MIN);
  #instants = new Float64Array(ROWS_MIN);
  /** By row: its index in the heap; of a row that is free, the next one that is. */
  #indices = new Int32Array(ROWS_MIN);
  /** Rows, each not later than the two below it. */
  #heap = new Int32Array(ROWS_MIN);
  #size = 0;
  #free = NO_ROW;

  /** Keys that have an instant. */
  get size(): number {
    return this.#size;
  }

  /** Sets, moves or (undefined) removes the deadline of `key`. */
  set(key: bigint, at: Instant | undefined): void {
    const row = this.#rows.get(key);
    if (at === undefined) {
      if (row !== undefined) this.#remove(key, row);
      return;
    }
    if (row === undefined) {
      const added = this.#take();
      this.#rows.set(key, added);
      this.#keys[added] = key;
      this.#instants[added] = at;
      this.#rise(added, this.#size++);
      return;
    }
    const before = this.#instantOf(row);
    this.#instants[row] = at;
    if (at < before) this.#rise(row, this.#indexOf(row));
    else if (at > before) this.#sink(row, this.#indexOf(row));
  }

  /** The earliest instant of all; undefined if there is none. */
  next(): Instant | undefined {
    return this.#size === 0 ? undefined : this.#instantOf(this.#rowAt(0));
  }

  /** Takes one key whose instant is not after `now`; undefined if none is due. */
  takeDue(now: Instant): bigint | undefined {
    const row = this.#rowAt(0);
    if (this.#size === 0 || this.#instantOf(row) > now) return undefined;
    const key = this.#keys[row];
    if (key !== undefined) this.#remove(key, row);
    return key;
  }

  /** The last row of the heap takes its place. */
  #remove(key: bigint, row: number): void {
    this.#rows.delete(key);
    const last = this.#rowAt(--this.#size);
    const index = this.#indexOf(row);
    this.#indices[row] = this.#free;
    this.#free = row;
    if (last !== row) {
      this.#rise(last, index);
      this.#sink(last, this.#indexOf(last));
    }
    if (this.#size === 0) this.#empty();
  }

  /** Puts a row where it belongs, from this index upwards. */
  #rise(row: number, from: number): void {
    const heap = this.#heap;
    const at = this.#instantOf(row);
    let index = from;
    while (index > 0) {
      const above = this.#rowAt((index - 1) >> 1);
      if (this.#instantOf(above) <= at) break;
      heap[index] = above;
      this.#indices[above] = index;
      index = (index - 1) >> 1;
    }
    heap[index] = row;
    this.#indices[row] = index;
  }

  /** Puts a row where it belongs, from this index downwards. */
  #sink(row: number, from: number): void {
    const heap = this.#heap;
    const at = this.#instantOf(row);
    let index = from;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= this.#size) break;
      const isRight =
        below + 1 < this.#size &&
        this.#instantOf(this.#rowAt(below + 1)) < this.#instantOf(this.#rowAt(below));
      if (isRight) below++;
      const child = this.#rowAt(below);
      if (this.#instantOf(child) >= at) break;
      heap[index] = child;
      this.#indices[child] = index;
      index = below;
    }
    heap[index] = row;
    this.#indices[row] = index;
  }

  /** A row that is free. */
  #take(): number {
    const row = this.#free;
    if (row !== NO_ROW) {
      this.#free = this.#indexOf(row);
      return row;
    }
    const rows = this.#heap.length;
    if (this.#size === rows) {
      this.#keys = widened(this.#keys, new BigUint64Array(2 * rows));
      this.#instants = widened(this.#instants, new Float64Array(2 * rows));
      this.#indices = widened(this.#indices, new Int32Array(2 * rows));
      this.#heap = widened(this.#heap, new Int32Array(2 * rows));
    }
    return this.#size;
  }

  /** The room of many that have gone is given back. */
  #empty(): void {
    this.#keys = new BigUint64Array(ROWS_MIN);
    this.#instants = new Float64Array(ROWS_MIN);
    this.#indices = new Int32Array(ROWS_MIN);
    this.#heap = new Int32Array(ROWS_MIN);
    this.#free = NO_ROW;
  }

  #rowAt(index: number): number {
    return this.#heap[index] ?? NO_ROW;
  }

  #indexOf(row: number): number {
    return this.#indices[row] ?? NO_ROW;
  }

  #instantOf(row: number): Instant {
    return (this.#instants[row] ?? Number.POSITIVE_INFINITY) as Instant;
  }
}
