/** Writes octets in network order into a buffer that grows. */

const FIRST_OCTETS = 512;

/** Appends numbers and octets; lengths that are known only afterwards are patched in. */
export class Writer {
  #octets: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(capacity: number = FIRST_OCTETS) {
    this.#octets = new Uint8Array(capacity);
    this.#view = new DataView(this.#octets.buffer);
  }

  /** Octets written so far: also the offset of the next one. */
  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#grow(2);
    this.#view.setUint16(at, value);
    return this;
  }

  u32(value: number): this {
    const at = this.#grow(4);
    this.#view.setUint32(at, value);
    return this;
  }

  u64(value: bigint): this {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, value);
    return this;
  }

  octets(value: Uint8Array): this {
    const at = this.#grow(value.length);
    this.#octets.set(value, at);
    return this;
  }

  /** `count` zero octets. */
  zeros(count: number): this {
    const at = this.#grow(count);
    this.#octets.fill(0, at, at + count);
    return this;
  }

  /** Overwrites one octet at `at`. */
  patchU8(at: number, value: number): void {
    this.#view.setUint8(at, value);
  }

  /** Overwrites two octets at `at`. */
  patchU16(at: number, value: number): void {
    this.#view.setUint16(at, value);
  }

  /** Overwrites four octets at `at`. */
  patchU32(at: number, value: number): void {
    this.#view.setUint32(at, value);
  }

  /** A copy of what was written, of exactly that length. */
  done(): Uint8Array {
    return this.#octets.slice(0, this.#length);
  }

  /** Call it before touching the buffer: it may put a larger one in its place. */
  #grow(count: number): number {
    const from = this.#length;
    const length = from + count;
    if (length > this.#octets.length) {
      const larger = new Uint8Array(Math.max(length, this.#octets.length * 2));
      larger.set(this.#octets);
      this.#octets = larger;
      this.#view = new DataView(larger.buffer);
    }
    this.#length = length;
    return from;
  }
}
