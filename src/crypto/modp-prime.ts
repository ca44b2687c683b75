/**
 * The primes of the MODP groups, from the formulas that define them (RFC 2409 §6.2, RFC 3526
 * §2-§5).
 */

import { assert } from "../octets/assert.ts";

/** p = 2^bits - 2^(bits - 64) - 1 + 2^64 * ([2^(bits - 130) pi] + offset) */
const OFFSETS: Readonly<Record<number, bigint>> = {
  1024: 129093n,
  1536: 741804n,
  2048: 124476n,
  3072: 1690314n,
  4096: 240904n,
};

/** Extra bits in the computation, so that rounding does not affect the result. */
const GUARD_BITS = 64;

/** The prime of the group of `bits` bits, in network order. About a millisecond. */
export function modpPrime(bits: number): Uint8Array {
  const offset = OFFSETS[bits];
  assert(offset !== undefined, `no MODP group of ${bits} bits`);
  const size = BigInt(bits);
  const middle = piTimesTwoTo(bits - 130) + offset;
  const prime = (1n << size) - (1n << (size - 64n)) - 1n + (middle << 64n);
  return Uint8Array.fromHex(prime.toString(16).padStart(bits / 4, "0"));
}

/** [2^bits pi], by Machin: pi = 16 arctan(1/5) - 4 arctan(1/239). */
function piTimesTwoTo(bits: number): bigint {
  const one = 1n << BigInt(bits + GUARD_BITS);
  return (16n * arctanOfInverse(5n, one) - 4n * arctanOfInverse(239n, one)) >> BigInt(GUARD_BITS);
}

/** arctan(1/x) in units of 1/one: 1/x - 1/3x^3 + 1/5x^5 … */
function arctanOfInverse(x: bigint, one: bigint): bigint {
  let power = one / x;
  let sum = power;
  for (let n = 3n; power > 0n; n += 4n) {
    power /= x * x;
    sum -= power / n;
    power /= x * x;
    sum += power / (n + 2n);
  }
  return sum;
}
