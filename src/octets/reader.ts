/** Reads octets in network order, never past their end. */

import { err, ok, type Result } from "./result.ts";

/** Where a parser stopped and why: `where` names the structure, `detail` both numbers. */
export type Malformed = {
  readonly kind: "malformed";
  readonly where: string;
  readonly detail: string;
};

/**
 * A position in octets of somebody else's. Each read checks the length first and throws a plain
 * {@link Malformed} (no stack, so it costs nothing); {@link decode} is the one place that catches.
 * What it hands out are views: `slice()` what outlives the datagram.
 */
export class Reader {
  readonly #octets: Uint8Array;
  readonly #view: DataView;
  readonly #where: string;
  #at = 0;

  constructor(octets: Uint8Array, where: string) {
    this.#octets = octets;
    this.#view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
    this.#where = where;
  }

  /** Octets not read yet. */
  get left(): number {
    return this.#octets.length - this.#at;
  }

  /** Octets read so far. */
  get at(): number {
    return this.#at;
  }

  get where(): string {
    return this.#where;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }

  /** The next `count` octets, as a view. */
  octets(count: number): Uint8Array {
    const from = this.#take(count);
    return this.#octets.subarray(from, from + count);
  }

  /** All that is left, as a view. */
  rest(): Uint8Array {
    return this.octets(this.left);
  }

  /** A reader over the next `count` octets, which says `where` it is when it faults. */
  sub(count: number, where: string): Reader {
    return new Reader(this.octets(count), where);
  }

  /** Faults unless everything has been read. */
  end(): void {
    if (this.left > 0) this.fail(`${this.left} octets too many`);
  }

  /** Faults here, with this reader's place. */
  fail(detail: string): never {
    throw { kind: "malformed", where: this.#where, detail } satisfies Malformed;
  }

  #take(count: number): number {
    const from = this.#at;
    if (count > this.#octets.length - from) {
      this.fail(`needs ${count} octets at ${from}, has ${this.#octets.length - from}`);
    }
    this.#at = from + count;
    return from;
  }
}

/** Runs `parse` over `octets`: what it returns, or where and why it stopped. Bugs pass through. */
export function decode<T>(
  octets: Uint8Array,
  where: string,
  parse: (r: Reader) => T,
): Result<T, Malformed> {
  try {
    return ok(parse(new Reader(octets, where)));
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
