/** A map in order of insertion for many entries, without objects of its own for each. */

import type { KeyKind } from "./key-column.ts";
import { canBeOne, NO_ROW, PART_ROWS_MAX, type Part, partOf } from "./long-map-part.ts";

/** A part with more rows is not made larger: another one begins. */
const LARGE_ROWS = (PART_ROWS_MAX / 4) * 3;
/** A part with fewer rows is not made smaller. */
const SMALL_ROWS = 64;
/** A part of whose rows no more are left is made smaller. */
const SPARSE = 1 / 4;
/** Room that a part gets at least. */
const ROOM_MIN = 16;

/**
 * Like a `Map`, but keys are kept in arrays of numbers (`key-column.ts`), and entries in parts by
 * age. A single `Map` copies all of its entries when its table doubles, and the tables of a fleet
 * do so at the same site: for 26 ms when it is the 16,384th, for 69 ms when it is the 98,304th.
 * Where `counts` is given, {@link LongMap.from} tells the values that it is true of from others.
 */
export class LongMap<Key, Value extends NonNullable<unknown>> {
  readonly #kind: KeyKind<Key>;
  readonly #counts: ((value: Value) => boolean) | undefined;
  /** The oldest first; the last one takes what is new, and no other is empty. */
  readonly #parts: Part<Key, Value>[];
  #last: Part<Key, Value>;
  /** What was looked for last, and where it was, if anywhere: it is wanted again, or set, soon. */
  #key: Key | undefined;
  #found: Part<Key, Value>;
  #row = NO_ROW;
  #hash = 0;
  /** Of the next entry. */
  #sequence = 0;
  #size = 0;
  /** How often a part was replaced: walks have to find their place again. */
  #replaced = 0;

  constructor(kind: KeyKind<Key>, counts?: (value: Value) => boolean) {
    this.#kind = kind;
    this.#counts = counts;
    this.#last = partOf<Key, Value>(kind, [], 0, 0);
    this.#parts = [this.#last];
    this.#found = this.#last;
  }

  get size(): number {
    return this.#size;
  }

  get(key: Key): Value | undefined {
    return this.#find(key) ? this.#found.values[this.#row] : undefined;
  }

  has(key: Key): boolean {
    return this.#find(key);
  }

  /** An entry that is there already stays in its place. */
  set(key: Key, value: Value): this {
    if (this.#find(key)) {
      const { values } = this.#found;
      this.#recount(this.#found, values[this.#row], value);
      values[this.#row] = value;
      return this;
    }
    const last = this.#withRoom();
    last.append(key, this.#hash, value, this.#sequence++);
    this.#added(key, value);
    return this;
  }

  delete(key: Key): boolean {
    if (!this.#find(key)) return false;
    const part = this.#found;
    this.#remove(part, this.#row);
    this.#tidy(part);
    return true;
  }

  /** From now on the entry of this key is the last one; its value. */
  moveToEnd(key: Key): Value | undefined {
    if (!this.#find(key)) return undefined;
    const [part, row] = [this.#found, this.#row];
    const value = part.values[row];
    const isLast = part === this.#last && row === part.rows - 1;
    if (value === undefined || isLast) return value;
    this.#remove(part, row);
    this.#withRoom().appendFrom(part, row, value, this.#sequence++);
    this.#added(key, value);
    this.#tidy(part);
    return value;
  }

  /** The key that has been there for longest. */
  firstKey(): Key | undefined {
    const part = this.#parts[0];
    return part === undefined || part.live === 0 ? undefined : part.keys.at(part.firstRow());
  }

  /** Its value, which is found without its key. */
  firstValue(): Value | undefined {
    const part = this.#parts[0];
    return part?.values[part.firstRow()];
  }

  /** As of a `Map`: what is added during a walk is visited, too. */
  entries(): Generator<[Key, Value], undefined> {
    return this.from(0);
  }

  /** Entries with such a value: the keys of others are not made. */
  where<Wanted extends Value>(
    isWanted: (value: Value) => value is Wanted,
  ): Generator<[Key, Wanted], undefined>;
  where(isWanted: (value: Value) => boolean): Generator<[Key, Value], undefined>;
  *where(isWanted: (value: Value) => boolean): Generator<[Key, Value], undefined> {
    for (const [part, row] of this.#walk()) {
      const value = part.values[row];
      if (value !== undefined && isWanted(value)) yield [part.keys.at(row), value];
    }
    return undefined;
  }

  *keys(): Generator<Key, undefined> {
    for (const [part, row] of this.#walk()) yield part.keys.at(row);
    return undefined;
  }

  *values(): Generator<Value, undefined> {
    for (const [part, row] of this.#walk()) {
      const value = part.values[row];
      if (value !== undefined) yield value;
    }
    return undefined;
  }

  [Symbol.iterator](): Generator<[Key, Value], undefined> {
    return this.entries();
  }

  /** Entries after the first `skipped` ones: of all, or only those that count, or do not. */
  *from(skipped: number, counted?: boolean): Generator<[Key, Value], undefined> {
    let left = skipped;
    let begin = 0;
    for (const { live, counted: counts } of this.#parts) {
      const among = counted === undefined ? live : counted ? counts : live - counts;
      if (left < among) break;
      left -= among;
      begin++;
    }
    for (const [part, row] of this.#walk(begin)) {
      const value = part.values[row];
      if (value === undefined) continue;
      if (counted !== undefined && this.#counts?.(value) !== counted) continue;
      if (left-- <= 0) yield [part.keys.at(row), value];
    }
    return undefined;
  }

  /** The rows that are left, from the beginning of a part on. */
  *#walk(begin = 0): Generator<[Part<Key, Value>, number], undefined> {
    let at = begin;
    let row = 0;
    let replaced = this.#replaced;
    let part = this.#parts[at];
    while (part !== undefined) {
      if (row >= part.rows) {
        part = this.#parts[++at];
        row = 0;
        continue;
      }
      if (part.values[row] === undefined) {
        row++;
        continue;
      }
      const next = part.sequenceAt(row) + 1;
      yield [part, row++];
      if (replaced === this.#replaced) continue;
      replaced = this.#replaced;
      at = this.#parts.findIndex((one) => one.rowFrom(next) < one.rows);
      if (at < 0) at = this.#parts.length - 1;
      part = this.#parts[at];
      row = part?.rowFrom(next) ?? 0;
    }
    return undefined;
  }

  /** Whether there is an entry with this key; its place, or at least its hash, is known then. */
  #find(key: Key): boolean {
    if (key === this.#key) {
      if (this.#row === NO_ROW) return false;
      if (this.#found.values[this.#row] !== undefined) return true;
    }
    const parts = this.#parts;
    const hash = this.#last.keys.hashOf(key);
    this.#key = key;
    this.#hash = hash;
    this.#row = NO_ROW;
    for (let at = parts.length - 1; at >= 0; at--) {
      const part = parts[at];
      const row = part?.find(key, hash) ?? NO_ROW;
      if (part === undefined || row === NO_ROW) continue;
      this.#found = part;
      this.#row = row;
      return true;
    }
    return false;
  }

  /** An entry has come to the last part. */
  #added(key: Key, value: Value): void {
    this.#key = key;
    this.#found = this.#last;
    this.#row = this.#last.rows - 1;
    this.#recount(this.#last, undefined, value);
    this.#size++;
  }

  #remove(part: Part<Key, Value>, row: number): void {
    this.#recount(part, part.values[row], undefined);
    part.remove(row);
    this.#size--;
  }

  /** The last part, with room for a row. */
  #withRoom(): Part<Key, Value> {
    const last = this.#last;
    if (last.hasRoom(this.#sequence)) return last;
    const { live, rows } = last;
    if (live > LARGE_ROWS) return this.#begin();
    if (live === rows) {
      last.widen(Math.min(PART_ROWS_MAX, 2 * live));
      return last.hasRoom(this.#sequence) ? last : this.#begin();
    }
    // Where many come and go, room is used up soon.
    const room = rows - live > live >> 1 ? live : live >> 2;
    const part = partOf(this.#kind, [last], Math.max(ROOM_MIN, room), this.#sequence);
    if (!part.hasRoom(this.#sequence)) return this.#begin();
    this.#replace(this.#parts.length - 1, 1, [part]);
    return part;
  }

  /** Another part takes what is new from now on. */
  #begin(): Part<Key, Value> {
    const parts = this.#parts;
    const part = partOf<Key, Value>(this.#kind, [], SMALL_ROWS, this.#sequence);
    if (this.#last.live === 0) parts.pop();
    this.#replace(parts.length, 0, [part]);
    for (let at = parts.length - 3; at >= 0; at--) {
      const [one, next] = [parts[at], parts[at + 1]];
      if (one === undefined || next === undefined || !canBeOne(one, next)) continue;
      this.#replace(at, 2, [partOf(this.#kind, [one, next], 0, this.#sequence)]);
      break;
    }
    return part;
  }

  /** A part of which most is gone gives its room back. */
  #tidy(part: Part<Key, Value>): void {
    const isLast = part === this.#last;
    const isSparse = part.rows > SMALL_ROWS && part.live <= part.rows * SPARSE;
    if (!isSparse && (isLast || part.live > 0)) return;
    const at = this.#parts.indexOf(part);
    if (at < 0) return;
    const room = isLast ? Math.max(SMALL_ROWS, part.live) : 0;
    const smaller = partOf(this.#kind, [part], room, this.#sequence);
    this.#replace(at, 1, isLast || part.live > 0 ? [smaller] : []);
  }

  #replace(at: number, count: number, parts: readonly Part<Key, Value>[]): void {
    this.#parts.splice(at, count, ...parts);
    this.#last = this.#parts.at(-1) ?? this.#last;
    // Nothing else may keep a part that was replaced, and what it held.
    this.#key = undefined;
    this.#found = this.#last;
    this.#row = NO_ROW;
    this.#replaced++;
  }

  #recount(part: Part<Key, Value>, before: Value | undefined, after: Value | undefined): void {
    if (this.#counts === undefined) return;
    if (before !== undefined && this.#counts(before)) part.counted--;
    if (after !== undefined && this.#counts(after)) part.counted++;
  }
}
