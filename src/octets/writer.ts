/** Writes octets in network order into a buffer that grows. */

import { assert } from "./assert.ts";

const FIRST_OCTETS = 512;
const NO_OCTETS = new Uint8Array(0);
/** A BigInt of eight octets, taken apart without BigInts in between. */
const word = new DataView(new ArrayBuffer(8));

/**
 * Appends numbers and octets; lengths that become known later are patched in. Without a DataView:
 * it would give every small array an ArrayBuffer of its own.
 */
export class Writer {
  #octets: Uint8Array;
  #length = 0;

  constructor(capacity: number = FIRST_OCTETS) {
    this.#octets = new Uint8Array(capacity);
  }

  /** Octets written so far: also the offset of the next one. */
  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    const at = this.#grow(1);
    this.#octets[at] = value;
    return this;
  }

  u16(value: number): this {
    const at = this.#grow(2);
    const octets = this.#octets;
    octets[at] = value >>> 8;
    octets[at + 1] = value;
    return this;
  }

  u32(value: number): this {
    const at = this.#grow(4);
    const octets = this.#octets;
    octets[at] = value >>> 24;
    octets[at + 1] = value >>> 16;
    octets[at + 2] = value >>> 8;
    octets[at + 3] = value;
    return this;
  }

  u64(value: bigint): this {
    word.setBigUint64(0, value);
    return this.u32(word.getUint32(0)).u32(word.getUint32(4));
  }

  octets(value: Uint8Array): this {
    const at = this.#grow(value.length);
    this.#octets.set(value, at);
    return this;
  }

  /** Characters of one octet each. */
  ascii(value: string): this {
    const at = this.#grow(value.length);
    const octets = this.#octets;
    for (let i = 0; i < value.length; i++) octets[at + i] = value.charCodeAt(i);
    return this;
  }

  /** `count` zero octets. */
  zeros(count: number): this {
    // Nothing has been written behind the end.
    this.#grow(count);
    return this;
  }

  /** Overwrites one octet at `at`. */
  patchU8(at: number, value: number): void {
    assert(at < this.#length, "only what was written can be patched");
    this.#octets[at] = value;
  }

  /** Overwrites two octets at `at`. */
  patchU16(at: number, value: number): void {
    this.patchU8(at, value >>> 8);
    this.patchU8(at + 1, value);
  }

  /** Overwrites four octets at `at`. */
  patchU32(at: number, value: number): void {
    this.patchU16(at, value >>> 16);
    this.patchU16(at + 2, value & 0xffff);
  }

  /** What was written, of exactly that length; the writer is empty then. */
  done(): Uint8Array {
    const octets = this.#octets;
    const written = this.#length === octets.length ? octets : octets.slice(0, this.#length);
    this.#octets = NO_OCTETS;
    this.#length = 0;
    return written;
  }

  /** Call this before touching the buffer: it may replace it with a larger one. */
  #grow(count: number): number {
    const from = this.#length;
    const length = from + count;
    if (length > this.#octets.length) {
      const larger = new Uint8Array(Math.max(length, this.#octets.length * 2));
      larger.set(this.#octets);
      // It may hold secrets, and no other reference to it exists.
      this.#octets.fill(0);
      this.#octets = larger;
    }
    this.#length = length;
    return from;
  }
}
