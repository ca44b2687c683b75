/** Many buckets of tokens, in columns of numbers instead of an object for each. */

import type { Instant } from "../../octets/instant.ts";
import { newBucket, type RateLimit, takeToken } from "../rate.ts";

/** In the place of the number of a row. */
export const NO_ROW = -1;
const ROWS_MIN = 64;

/** The limit of a bucket is kept elsewhere. */
export class Buckets {
  #tokens = new Float64Array(ROWS_MIN);
  #at = new Float64Array(ROWS_MIN);
  #next = new Int32Array(ROWS_MIN);
  #free = NO_ROW;
  #used = 0;

  /** The row of a new bucket, which is full; no row follows it. */
  add(limit: RateLimit, now: Instant): number {
    const row = this.#free === NO_ROW ? this.#newRow() : this.#free;
    if (row === this.#free) this.#free = this.next(row);
    const { tokens, at } = newBucket(limit, now);
    this.#tokens[row] = tokens;
    this.#at[row] = at;
    this.#next[row] = NO_ROW;
    return row;
  }

  /** The row is used again. */
  remove(row: number): void {
    this.#next[row] = this.#free;
    this.#free = row;
  }

  /** Takes a token; false if there is none left. */
  take(row: number, limit: RateLimit, now: Instant): boolean {
    const bucket = { tokens: this.#tokens[row] ?? 0, at: (this.#at[row] ?? 0) as Instant };
    const isTaken = takeToken(bucket, limit, now);
    this.#tokens[row] = bucket.tokens;
    this.#at[row] = bucket.at;
    return isTaken;
  }

  /** When it is full again, if nothing more is taken. */
  fullAt(row: number, { burst, perSecond }: RateLimit): number {
    return (this.#at[row] ?? 0) + ((burst - (this.#tokens[row] ?? 0)) / perSecond) * 1_000;
  }

  /** The row that follows this one in a list of its owner. */
  next(row: number): number {
    return this.#next[row] ?? NO_ROW;
  }

  link(row: number, next: number): void {
    this.#next[row] = next;
  }

  #newRow(): number {
    if (this.#used === this.#next.length) {
      this.#tokens = copied(this.#tokens, new Float64Array(2 * this.#used));
      this.#at = copied(this.#at, new Float64Array(2 * this.#used));
      this.#next = copied(this.#next, new Int32Array(2 * this.#used));
    }
    return this.#used++;
  }
}

function copied<Column extends Float64Array | Int32Array>(from: Column, to: Column): Column {
  to.set(from);
  return to;
}
