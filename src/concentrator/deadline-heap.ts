/** The next deadlines of all IKE SAs: a binary heap whose items know where in it they are. */

import type { Instant } from "../octets/instant.ts";
import { LongMap } from "../octets/long-map.ts";

/** `index`: its place in the heap. */
type Item = { at: Instant; readonly key: bigint; index: number };

/**
 * Keys with one instant each; setting a key again moves its item. A heap that leaves former items
 * where they are is simpler, but holds several for each IKE SA, and has to be made anew at times.
 */
export class DeadlineHeap {
  readonly #heap: Item[] = [];
  readonly #items = new LongMap<bigint, Item>();

  /** Keys that have an instant. */
  get size(): number {
    return this.#heap.length;
  }

  /** Sets, moves or (undefined) removes the deadline of `key`. */
  set(key: bigint, at: Instant | undefined): void {
    const item = this.#items.get(key);
    if (at === undefined) {
      if (item !== undefined) this.#remove(item);
    } else if (item === undefined) {
      const added = { at, key, index: this.#heap.length };
      this.#items.set(key, added);
      this.#heap.push(added);
      this.#rise(added);
    } else if (item.at !== at) {
      const isEarlier = at < item.at;
      item.at = at;
      if (isEarlier) this.#rise(item);
      else this.#sink(item);
    }
  }

  /** The earliest instant of all; undefined if there is none. */
  next(): Instant | undefined {
    return this.#heap[0]?.at;
  }

  /** Takes one key whose instant is not after `now`; undefined if none is due. */
  takeDue(now: Instant): bigint | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return undefined;
    this.#remove(first);
    return first.key;
  }

  /** The last item takes its place. */
  #remove(item: Item): void {
    this.#items.delete(item.key);
    const last = this.#heap.pop();
    if (last === undefined || last === item) return;
    last.index = item.index;
    this.#heap[last.index] = last;
    this.#rise(last);
    this.#sink(last);
  }

  #rise(item: Item): void {
    const heap = this.#heap;
    let index = item.index;
    while (index > 0) {
      const above = heap[(index - 1) >> 1];
      if (above === undefined || above.at <= item.at) break;
      heap[index] = above;
      const free = above.index;
      above.index = index;
      index = free;
    }
    heap[index] = item;
    item.index = index;
  }

  #sink(item: Item): void {
    const heap = this.#heap;
    let index = item.index;
    for (;;) {
      const left = heap[2 * index + 1];
      if (left === undefined) break;
      const right = heap[left.index + 1];
      const child = right !== undefined && right.at < left.at ? right : left;
      if (child.at >= item.at) break;
      heap[index] = child;
      const free = child.index;
      child.index = index;
      index = free;
    }
    heap[index] = item;
    item.index = index;
  }
}
