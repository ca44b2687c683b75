/** Reads octets in network order, never past their end. */

import { err, ok, type Result } from "./result.ts";

/** Where a parser stopped and why: `where` names the structure, `detail` both numbers. */
export type Malformed = {
  readonly kind: "malformed";
  readonly where: string;
  readonly detail: string;
};

/**
 * A position in foreign octets. Each read checks the length first and throws a plain {@link
 * Malformed} (no stack, so it costs nothing); {@link decode} is the one place that catches. What it
 * returns are copies, which outlive the datagram and cost less than views: a view gives the array
 * under it an ArrayBuffer.
 */
export class Reader {
  readonly #octets: Uint8Array;
  readonly #where: string;
  readonly #from: number;
  readonly #end: number;
  #next: number;

  /** Reads `octets` from `from` up to `end`. */
  constructor(octets: Uint8Array, where: string, from = 0, end = octets.length) {
    this.#octets = octets;
    this.#where = where;
    this.#from = from;
    this.#end = end;
    this.#next = from;
  }

  /** Octets not read yet. */
  get left(): number {
    return this.#end - this.#next;
  }

  /** Octets read so far. */
  get at(): number {
    return this.#next - this.#from;
  }

  get where(): string {
    return this.#where;
  }

  u8(): number {
    return this.#octet(this.#take(1));
  }

  u16(): number {
    const at = this.#take(2);
    return (this.#octet(at) << 8) | this.#octet(at + 1);
  }

  u32(): number {
    return this.#word(this.#take(4));
  }

  u64(): bigint {
    const at = this.#take(8);
    word.setUint32(0, this.#word(at));
    word.setUint32(4, this.#word(at + 4));
    return word.getBigUint64(0);
  }

  /** A copy of the next `count` octets. */
  octets(count: number): Uint8Array {
    const from = this.#take(count);
    return count === 0 ? NO_OCTETS : this.#octets.slice(from, from + count);
  }

  /** Skips the next `count` octets. */
  skip(count: number): void {
    this.#take(count);
  }

  /** The next octet, without reading it; undefined at the end. */
  peek(): number | undefined {
    return this.left === 0 ? undefined : this.#octets[this.#next];
  }

  /** A copy of what has been read since this reader was {@link at} `at`. */
  since(at: number): Uint8Array {
    return this.#octets.slice(this.#from + at, this.#next);
  }

  /** A copy of all that this reader began with, whatever of it has been read. */
  whole(): Uint8Array {
    return this.#octets.slice(this.#from, this.#end);
  }

  /** A copy of all that is left. */
  rest(): Uint8Array {
    return this.octets(this.left);
  }

  /** A reader over the next `count` octets, which reports `where` it is when it faults. */
  sub(count: number, where: string): Reader {
    // The same octets with other bounds: a separate view for each structure would cost more.
    const from = this.#take(count);
    return new Reader(this.#octets, where, from, from + count);
  }

  /** Faults unless everything has been read. */
  end(): void {
    if (this.left > 0) this.fail(`${this.left} octets too many`);
  }

  /** Faults here, at this reader's place. */
  fail(detail: string): never {
    throw { kind: "malformed", where: this.#where, detail } satisfies Malformed;
  }

  /** Without a DataView: it would give every small array an ArrayBuffer of its own. */
  #word(at: number): number {
    const high = (this.#octet(at) << 8) | this.#octet(at + 1);
    const low = (this.#octet(at + 2) << 8) | this.#octet(at + 3);
    return ((high << 16) | low) >>> 0;
  }

  #octet(at: number): number {
    return this.#octets[at] as number;
  }

  #take(count: number): number {
    const from = this.#next;
    if (count > this.#end - from) {
      this.fail(`needs ${count} octets at ${this.at}, has ${this.left}`);
    }
    this.#next = from + count;
    return from;
  }
}

/** Nothing in it can be changed, so that all may share it. */
const NO_OCTETS = new Uint8Array(0);
/** Eight octets that become a BigInt, without BigInts in between. */
const word = new DataView(new ArrayBuffer(8));

/** Runs `parse` over `octets`: its result, or where and why it stopped. Bugs pass through. */
export function decode<T>(
  octets: Uint8Array,
  where: string,
  parse: (r: Reader) => T,
): Result<T, Malformed> {
  return attempt(new Reader(octets, where), parse, undefined);
}

/**
 * The same from a reader's current place: for a part that may be unreadable while the rest is not.
 * `parse` gets `what` as well, so that it need not be a new function for each part.
 */
export function attempt<T, W>(
  r: Reader,
  parse: (r: Reader, what: W) => T,
  what: W,
): Result<T, Malformed> {
  try {
    return ok(parse(r, what));
  } catch (fault) {
    if (isMalformed(fault)) return err(fault);
    throw fault;
  }
}

function isMalformed(fault: unknown): fault is Malformed {
  return (
    typeof fault === "object" &&
    fault !== null &&
    !(fault instanceof Error) &&
    (fault as { kind?: unknown }).kind === "malformed"
  );
}
