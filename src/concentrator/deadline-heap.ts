/** The next deadlines of all IKE SAs: a binary heap of (instant, key), stale entries skipped. */

import type { Instant } from "../octets/instant.ts";

type Item = { readonly at: Instant; readonly key: bigint };

/** Keys with one instant each; setting a key again replaces its instant. */
export class DeadlineHeap {
  #heap: Item[] = [];
  readonly #due = new Map<bigint, Instant>();

  /** Keys that have an instant. */
  get size(): number {
    return this.#due.size;
  }

  /** Sets, moves or (undefined) removes the deadline of `key`. */
  set(key: bigint, at: Instant | undefined): void {
    if (at === undefined) {
      this.#due.delete(key);
    } else if (this.#due.get(key) !== at) {
      this.#due.set(key, at);
      this.#push({ at, key });
    }
    if (this.#heap.length > 64 && this.#heap.length > 4 * this.#due.size) this.#compact();
  }

  /** The earliest instant of all; undefined if there is none. */
  next(): Instant | undefined {
    this.#skipStale();
    return this.#heap[0]?.at;
  }

  /** Takes one key whose instant is not after `now`; undefined if none is due. */
  takeDue(now: Instant): bigint | undefined {
    this.#skipStale();
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return undefined;
    this.#pop();
    this.#due.delete(first.key);
    return first.key;
  }

  #skipStale(): void {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (this.#due.get(first.key) === first.at) return;
      this.#pop();
    }
  }

  #compact(): void {
    this.#heap = [];
    for (const [key, at] of this.#due) this.#push({ at, key });
  }

  #push(item: Item): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || above.at <= item.at) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = item;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = heap[2 * at + 1];
      const right = heap[2 * at + 2];
      if (left === undefined) break;
      const isRight = right !== undefined && right.at < left.at;
      const child = isRight ? right : left;
      if (child.at >= last.at) break;
      heap[at] = child;
      at = 2 * at + (isRight ? 2 : 1);
    }
    heap[at] = last;
  }
}
