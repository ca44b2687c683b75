/**
 * A map that knows which of its entries has not been used for longest. A `Map` would do if entries
 * were deleted and set again; but then each use costs more, and finding the oldest takes long.
 */

import { LongMap } from "./long-map.ts";

type Node<Key, Value> = {
  readonly key: Key;
  value: Value;
  older: Node<Key, Value> | undefined;
  newer: Node<Key, Value> | undefined;
};

export class RecencyMap<Key, Value> {
  readonly #nodes = new LongMap<Key, Node<Key, Value>>();
  #oldest: Node<Key, Value> | undefined;
  #newest: Node<Key, Value> | undefined;

  get size(): number {
    return this.#nodes.size;
  }

  has(key: Key): boolean {
    return this.#nodes.has(key);
  }

  /** Without counting as a use. */
  get(key: Key): Value | undefined {
    return this.#nodes.get(key)?.value;
  }

  /** The value; from now on its entry is the newest. */
  use(key: Key): Value | undefined {
    const node = this.#nodes.get(key);
    if (node !== undefined) this.#moveToEnd(node);
    return node?.value;
  }

  /** From now on this entry is the newest. */
  set(key: Key, value: Value): void {
    const known = this.#nodes.get(key);
    if (known === undefined) {
      const node = { key, value, older: undefined, newer: undefined };
      this.#nodes.set(key, node);
      this.#append(node);
    } else {
      known.value = value;
      this.#moveToEnd(known);
    }
  }

  delete(key: Key): void {
    const node = this.#nodes.get(key);
    if (node === undefined) return;
    this.#nodes.delete(key);
    this.#unlink(node);
  }

  /** The value that has not been used for longest. */
  oldest(): Value | undefined {
    return this.#oldest?.value;
  }

  /** Removes the entry that has not been used for longest. */
  deleteOldest(): void {
    if (this.#oldest !== undefined) this.delete(this.#oldest.key);
  }

  /** The newest comes last. */
  *values(): Generator<Value> {
    for (let node = this.#oldest; node !== undefined; node = node.newer) yield node.value;
  }

  #moveToEnd(node: Node<Key, Value>): void {
    if (node === this.#newest) return;
    this.#unlink(node);
    this.#append(node);
  }

  #append(node: Node<Key, Value>): void {
    node.older = this.#newest;
    node.newer = undefined;
    if (this.#newest === undefined) this.#oldest = node;
    else this.#newest.newer = node;
    this.#newest = node;
  }

  #unlink({ older, newer }: Node<Key, Value>): void {
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
  }
}
