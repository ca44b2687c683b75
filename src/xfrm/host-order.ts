/**
 * Host byte order, in which netlink and linux/xfrm.h write everything except addresses, SPIs and
 * ports (those are `__be16`, `__be32`: network order).
 */

import type { Reader } from "../octets/reader.ts";
import { Writer } from "../octets/writer.ts";

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** A state with a key of any length, or a policy. */
const REQUEST_OCTETS = 512;

/** Next 16 bits, host order. */
export function hostU16(r: Reader): number {
  return swap16(r.u16());
}

/** Next 32 bits, host order. */
export function hostU32(r: Reader): number {
  return swap32(r.u32());
}

/** Next 64 bits, host order. */
export function hostU64(r: Reader): bigint {
  const first = swap32(r.u32());
  const second = swap32(r.u32());
  return LITTLE_ENDIAN
    ? (BigInt(second) << 32n) | BigInt(first)
    : (BigInt(first) << 32n) | BigInt(second);
}

/** The same as a number, exact up to 2^53. */
export function hostU64Number(r: Reader): number {
  const first = swap32(r.u32());
  const second = swap32(r.u32());
  return LITTLE_ENDIAN ? second * 2 ** 32 + first : first * 2 ** 32 + second;
}

/** Overwrites 16 bits, host order. */
export function patchHostU16(octets: Uint8Array, at: number, value: number): void {
  const word = swap16(value);
  octets[at] = word >>> 8;
  octets[at + 1] = word;
}

/** Overwrites 32 bits, host order. */
export function patchHostU32(octets: Uint8Array, at: number, value: number): void {
  const word = swap32(value);
  octets[at] = word >>> 24;
  octets[at + 1] = word >>> 16;
  octets[at + 2] = word >>> 8;
  octets[at + 3] = word;
}

/**
 * A {@link Writer} in host order. Secrets are copied only into the finished octets, so that nothing
 * else has to be wiped.
 */
export class HostWriter {
  readonly #w = new Writer(REQUEST_OCTETS);
  readonly #secrets: { readonly at: number; readonly octets: Uint8Array }[] = [];

  get length(): number {
    return this.#w.length;
  }

  u8(value: number): this {
    this.#w.u8(value);
    return this;
  }

  u16(value: number): this {
    this.#w.u16(swap16(value));
    return this;
  }

  u32(value: number): this {
    this.#w.u32(swap32(value));
    return this;
  }

  u64(value: bigint): this {
    const low = swap32(Number(value & 0xffff_ffffn));
    const high = swap32(Number(value >> 32n));
    if (LITTLE_ENDIAN) this.#w.u32(low).u32(high);
    else this.#w.u32(high).u32(low);
    return this;
  }

  /** 64 bits of a number, exact up to 2^53. */
  u64Number(value: number): this {
    const low = swap32(value % 2 ** 32);
    const high = swap32(Math.floor(value / 2 ** 32));
    if (LITTLE_ENDIAN) this.#w.u32(low).u32(high);
    else this.#w.u32(high).u32(low);
    return this;
  }

  /** 16 bits in network order (`__be16`). */
  networkU16(value: number): this {
    this.#w.u16(value);
    return this;
  }

  /** 32 bits in network order (`__be32`). */
  networkU32(value: number): this {
    this.#w.u32(value);
    return this;
  }

  octets(value: Uint8Array): this {
    this.#w.octets(value);
    return this;
  }

  /** `count` zero octets. */
  zeros(count: number): this {
    this.#w.zeros(count);
    return this;
  }

  /** Octets that appear in the result of {@link done} and nowhere else. */
  secret(octets: Uint8Array): this {
    this.#secrets.push({ at: this.#w.length, octets });
    this.#w.zeros(octets.length);
    return this;
  }

  patchU16(at: number, value: number): void {
    this.#w.patchU16(at, swap16(value));
  }

  patchU32(at: number, value: number): void {
    this.#w.patchU32(at, swap32(value));
  }

  /** What was written; wipe it after use if it holds secrets. */
  done(): Uint8Array {
    const octets = this.#w.done();
    for (const { at, octets: secret } of this.#secrets) octets.set(secret, at);
    return octets;
  }
}

function swap16(value: number): number {
  return LITTLE_ENDIAN ? ((value & 0xff) << 8) | (value >>> 8) : value;
}

function swap32(value: number): number {
  if (!LITTLE_ENDIAN) return value;
  const outer = (value << 24) | (value >>> 24);
  return (outer | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00)) >>> 0;
}
