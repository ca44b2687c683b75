/**
 * Keys of a table, one after the other in arrays of numbers. As objects of their own they would lie
 * scattered among what is gone soon, and the collector could not give back the memory around them.
 */

import { isWide, readText, writeText } from "./text-octets.ts";

/** Rows are numbered from 0 in the order in which keys are appended. */
export type KeyColumn<Key> = {
  /** What texts take beside their rows. */
  readonly octets: number;
  /** 32 bits. Whoever chooses keys can find many with the same: a table has to bear that. */
  hashOf(key: Key): number;
  isAt(row: number, key: Key): boolean;
  at(row: number): Key;
  append(key: Key): void;
  /** Makes room for so many keys. */
  widen(rowsMax: number): void;
  /** Appends the key that a row of this column, or of another of its kind, has. */
  appendFrom(other: KeyColumn<Key>, row: number): void;
};

/** Makes a column with room for so many keys, and for so many octets of text at least. */
export type KeyKind<Key> = (rowsMax: number, octets?: number) => KeyColumn<Key>;

/** Texts. */
export function textKeys(rowsMax: number, octets = 0): KeyColumn<string> {
  return new TextColumn(rowsMax, octets, FNV_BASIS);
}

/** Texts that strangers make up: who does not know the seed finds no two with the same hash. */
export function seededTextKeys(seed: number): KeyKind<string> {
  return (rowsMax, octets = 0) => new TextColumn(rowsMax, octets, seed);
}

/** Whole numbers, up to 2^53. */
export function numberKeys<Key extends number>(rowsMax: number): KeyColumn<Key> {
  return new NumberColumn<Key>(rowsMax);
}

/** Numbers of 64 bits, such as the SPIs of IKE. */
export function bigintKeys<Key extends bigint>(rowsMax: number): KeyColumn<Key> {
  return new BigintColumn<Key>(rowsMax);
}

/** The hash of Fowler, Noll and Vo. */
const FNV_BASIS = 0x811c_9dc5;
const FNV_PRIME = 0x0100_0193;
/** 2^32 divided by the golden ratio: neighbours are spread over the whole range. */
const GOLDEN = 0x9e37_79b1;
const TWO_32 = 2 ** 32;

/** A table takes the lower bits, so the upper ones are mixed into them. */
function mixed(hash: number): number {
  return hash ^ (hash >>> 15);
}

function hashOfNumber(key: number): number {
  return mixed(Math.imul(key ^ Math.imul(key / TWO_32, FNV_PRIME), GOLDEN));
}

/** So many octets of text for each row, to begin with. */
const TEXT_OCTETS = 16;
/** The platform copies so many faster than a loop does. */
const COPIED_OCTETS = 64;

class TextColumn implements KeyColumn<string> {
  #octets: Uint8Array;
  /** Where the text of a row ends, and in the lowest bit whether its characters take two octets. */
  #ends: Uint32Array;
  readonly #seed: number;
  #rows = 0;
  #end = 0;

  constructor(rowsMax: number, octets: number, seed: number) {
    this.#seed = seed;
    this.#octets = new Uint8Array(Math.max(rowsMax * TEXT_OCTETS, octets));
    this.#ends = new Uint32Array(rowsMax);
  }

  get octets(): number {
    return this.#end;
  }

  /**
   * One character after the other: a difference in the upper half of what is multiplied could be
   * made up for by the next one, whatever the seed is.
   */
  hashOf(key: string): number {
    const { length } = key;
    let hash = this.#seed ^ length;
    let at = 0;
    for (; at + 4 <= length; at += 4) {
      hash = Math.imul(hash ^ (hash >>> 15) ^ key.charCodeAt(at), FNV_PRIME);
      hash = Math.imul(hash ^ (hash >>> 15) ^ key.charCodeAt(at + 1), FNV_PRIME);
      hash = Math.imul(hash ^ (hash >>> 15) ^ key.charCodeAt(at + 2), FNV_PRIME);
      hash = Math.imul(hash ^ (hash >>> 15) ^ key.charCodeAt(at + 3), FNV_PRIME);
    }
    for (; at < length; at++) {
      hash = Math.imul(hash ^ (hash >>> 15) ^ key.charCodeAt(at), FNV_PRIME);
    }
    return mixed(hash);
  }

  isAt(row: number, key: string): boolean {
    const start = this.#startOf(row);
    const octets = this.#endOf(row) - start;
    if (this.#isWide(row)) return octets === 2 * key.length && this.#isWideAt(start, key);
    return octets === key.length && this.#isNarrowAt(start, key);
  }

  #isNarrowAt(start: number, key: string): boolean {
    const octets = this.#octets;
    const { length } = key;
    let at = 0;
    for (; at + 4 <= length; at += 4) {
      const from = start + at;
      if (
        octets[from] !== key.charCodeAt(at) ||
        octets[from + 1] !== key.charCodeAt(at + 1) ||
        octets[from + 2] !== key.charCodeAt(at + 2) ||
        octets[from + 3] !== key.charCodeAt(at + 3)
      ) {
        return false;
      }
    }
    for (; at < length; at++) if (octets[start + at] !== key.charCodeAt(at)) return false;
    return true;
  }

  #isWideAt(start: number, key: string): boolean {
    const octets = this.#octets;
    for (let at = 0; at < key.length; at++) {
      const code = key.charCodeAt(at);
      const upper = start + 2 * at;
      if (octets[upper] !== code >>> 8 || octets[upper + 1] !== (code & 0xff)) return false;
    }
    return true;
  }

  at(row: number): string {
    return readText(this.#octets.subarray(this.#startOf(row), this.#endOf(row)), this.#isWide(row));
  }

  append(key: string): void {
    const wide = isWide(key);
    const octets = this.#withRoom(wide ? 2 * key.length : key.length);
    this.#close(writeText(key, wide, octets, this.#end), wide);
  }

  widen(rowsMax: number): void {
    this.#ends = widened(this.#ends, new Uint32Array(rowsMax));
  }

  appendFrom(other: TextColumn, row: number): void {
    const from = other.#startOf(row);
    const length = other.#endOf(row) - from;
    const source = other.#octets;
    const octets = this.#withRoom(length);
    const start = this.#end;
    if (length >= COPIED_OCTETS) octets.set(source.subarray(from, from + length), start);
    else for (let at = 0; at < length; at++) octets[start + at] = source[from + at] ?? 0;
    this.#close(start + length, other.#isWide(row));
  }

  #isWide(row: number): boolean {
    return ((this.#ends[row] ?? 0) & 1) === 1;
  }

  #startOf(row: number): number {
    return row === 0 ? 0 : this.#endOf(row - 1);
  }

  #endOf(row: number): number {
    return (this.#ends[row] ?? 0) >>> 1;
  }

  /** The row that was written up to here is one. */
  #close(end: number, wide: boolean): void {
    this.#ends[this.#rows++] = (end << 1) | (wide ? 1 : 0);
    this.#end = end;
  }

  #withRoom(count: number): Uint8Array {
    const before = this.#octets;
    const needed = this.#end + count;
    if (needed > before.length) {
      this.#octets = new Uint8Array(Math.max(needed, before.length + (before.length >> 1)));
      this.#octets.set(before);
    }
    return this.#octets;
  }
}

/** `to` with what is in `from`, which has no more room. */
export function widened<Column extends { set(from: Column): void }>(
  from: Column,
  to: Column,
): Column {
  to.set(from);
  return to;
}

class NumberColumn<Key extends number> implements KeyColumn<Key> {
  readonly octets = 0;
  #keys: Float64Array;
  #rows = 0;

  constructor(rowsMax: number) {
    this.#keys = new Float64Array(rowsMax);
  }

  hashOf(key: Key): number {
    return hashOfNumber(key);
  }

  isAt(row: number, key: Key): boolean {
    return this.#keys[row] === key;
  }

  at(row: number): Key {
    return (this.#keys[row] ?? 0) as Key;
  }

  append(key: Key): void {
    this.#keys[this.#rows++] = key;
  }

  widen(rowsMax: number): void {
    this.#keys = widened(this.#keys, new Float64Array(rowsMax));
  }

  appendFrom(other: NumberColumn<Key>, row: number): void {
    this.append(other.at(row));
  }
}

class BigintColumn<Key extends bigint> implements KeyColumn<Key> {
  readonly octets = 0;
  #keys: BigUint64Array;
  #rows = 0;

  constructor(rowsMax: number) {
    this.#keys = new BigUint64Array(rowsMax);
  }

  /** Its 53 upper bits. */
  hashOf(key: Key): number {
    return hashOfNumber(Number(key));
  }

  isAt(row: number, key: Key): boolean {
    return this.#keys[row] === key;
  }

  at(row: number): Key {
    return (this.#keys[row] ?? 0n) as Key;
  }

  append(key: Key): void {
    this.#keys[this.#rows++] = key;
  }

  widen(rowsMax: number): void {
    this.#keys = widened(this.#keys, new BigUint64Array(rowsMax));
  }

  appendFrom(other: BigintColumn<Key>, row: number): void {
    this.append(other.at(row));
  }
}
