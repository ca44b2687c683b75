/**
 * A map that knows which of its entries has not been used for longest. A `Map` would do if entries
 * were deleted and set again; but then each use costs more, and finding the oldest takes long.
 *
 * The order is kept in columns of numbers: an object for each entry would be marked by every
 * collection.
 */

import { LongMap } from "./long-map.ts";

/** In the place of the number of a row. */
const NONE = -1;
const ROWS_MIN = 16;

export class RecencyMap<Key, Value> {
  readonly #rows = new LongMap<Key, number>();
  #keys: (Key | undefined)[] = [];
  #values: (Value | undefined)[] = [];
  #older = new Int32Array(ROWS_MIN);
  /** Of a row that is free: the next one that is. */
  #newer = new Int32Array(ROWS_MIN);
  #oldest = NONE;
  #newest = NONE;
  #free = NONE;

  get size(): number {
    return this.#rows.size;
  }

  has(key: Key): boolean {
    return this.#rows.has(key);
  }

  /** Without counting as a use. */
  get(key: Key): Value | undefined {
    const row = this.#rows.get(key);
    return row === undefined ? undefined : this.#values[row];
  }

  /** The value; from now on its entry is the newest. */
  use(key: Key): Value | undefined {
    const row = this.#rows.get(key);
    if (row === undefined) return undefined;
    this.#moveToEnd(row);
    return this.#values[row];
  }

  /** From now on this entry is the newest. */
  set(key: Key, value: Value): void {
    const known = this.#rows.get(key);
    if (known !== undefined) {
      this.#values[known] = value;
      this.#moveToEnd(known);
      return;
    }
    const row = this.#take();
    this.#rows.set(key, row);
    this.#keys[row] = key;
    this.#values[row] = value;
    this.#append(row);
  }

  delete(key: Key): void {
    const row = this.#rows.get(key);
    if (row === undefined) return;
    this.#rows.delete(key);
    if (this.#rows.size === 0) return this.#empty();
    this.#unlink(row);
    this.#keys[row] = undefined;
    this.#values[row] = undefined;
    this.#newer[row] = this.#free;
    this.#free = row;
  }

  /** The value that has not been used for longest. */
  oldest(): Value | undefined {
    return this.#values[this.#oldest];
  }

  /** Removes the entry that has not been used for longest. */
  deleteOldest(): void {
    const key = this.#keys[this.#oldest];
    if (key !== undefined) this.delete(key);
  }

  /** Keys of the values that are wanted, the newest comes first. */
  keysOf(isWanted: (value: Value) => boolean): readonly Key[] {
    const keys: Key[] = [];
    for (let row = this.#newest; row !== NONE; row = this.#older[row] ?? NONE) {
      const [key, value] = [this.#keys[row], this.#values[row]];
      if (key !== undefined && value !== undefined && isWanted(value)) keys.push(key);
    }
    return keys;
  }

  /** The first `max` keys, of those that have not been used for longest. */
  oldestKeys(max: number): readonly Key[] {
    const keys: Key[] = [];
    for (
      let row = this.#oldest;
      row !== NONE && keys.length < max;
      row = this.#newer[row] ?? NONE
    ) {
      const key = this.#keys[row];
      if (key !== undefined) keys.push(key);
    }
    return keys;
  }

  /** A row that is free. */
  #take(): number {
    const row = this.#free;
    if (row !== NONE) {
      this.#free = this.#newer[row] ?? NONE;
      return row;
    }
    const count = this.#keys.length;
    if (count === this.#newer.length) {
      this.#older = widened(this.#older);
      this.#newer = widened(this.#newer);
    }
    return count;
  }

  /** The room of many that have gone is given back. */
  #empty(): void {
    this.#keys = [];
    this.#values = [];
    this.#older = new Int32Array(ROWS_MIN);
    this.#newer = new Int32Array(ROWS_MIN);
    this.#oldest = NONE;
    this.#newest = NONE;
    this.#free = NONE;
  }

  #moveToEnd(row: number): void {
    if (row === this.#newest) return;
    this.#unlink(row);
    this.#append(row);
  }

  #append(row: number): void {
    this.#older[row] = this.#newest;
    this.#newer[row] = NONE;
    if (this.#newest === NONE) this.#oldest = row;
    else this.#newer[this.#newest] = row;
    this.#newest = row;
  }

  #unlink(row: number): void {
    const older = this.#older[row] ?? NONE;
    const newer = this.#newer[row] ?? NONE;
    if (older === NONE) this.#oldest = newer;
    else this.#newer[older] = newer;
    if (newer === NONE) this.#newest = older;
    else this.#older[newer] = older;
  }
}

function widened(column: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const wide = new Int32Array(2 * column.length);
  wide.set(column);
  return wide;
}
