/** A set of many strings that never grows all at once. */

/** The read operations of a set. */
export type Names = Pick<ReadonlySet<string>, "has" | "size">;

/**
 * Spread over small sets. Adding to one set of 60,000 strings takes 15 ms at the moment when it
 * doubles its table, and nothing here may block for that long.
 */
export class SpreadSet implements Names {
  readonly #parts: readonly Set<string>[] = Array.from({ length: PARTS }, () => new Set<string>());

  get size(): number {
    return this.#parts.reduce((sum, part) => sum + part.size, 0);
  }

  add(name: string): void {
    this.#partOf(name)?.add(name);
  }

  has(name: string): boolean {
    return this.#partOf(name)?.has(name) === true;
  }

  *[Symbol.iterator](): Generator<string, undefined> {
    for (const part of this.#parts) yield* part;
    return undefined;
  }

  #partOf(name: string): Set<string> | undefined {
    let hash = 0;
    for (let at = 0; at < name.length; at++) hash = (hash * 31 + name.charCodeAt(at)) | 0;
    return this.#parts[(hash >>> 0) % PARTS];
  }
}

/** A prime: names that differ in one digit do not collide. */
const PARTS = 127;
