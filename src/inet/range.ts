/** Ranges of addresses, as traffic selectors carry them (RFC 7296 §3.13.1). */

import { type AddressRange, familyBits } from "./address.ts";
import type { Prefix } from "./prefix.ts";

/** What two ranges have in common; undefined if nothing. */
export function intersectRange(a: AddressRange, b: AddressRange): AddressRange | undefined {
  if (a.family !== b.family) return undefined;
  // biome-ignore lint/complexity/useMathMinMax: Math.max does not take a bigint
  const first = a.first > b.first ? a.first : b.first;
  // biome-ignore lint/complexity/useMathMinMax: Math.min does not take a bigint
  const last = a.last < b.last ? a.last : b.last;
  return first <= last ? { family: a.family, first, last } : undefined;
}

/** The fewest subnets that cover a range, in order: at most 2 × bits - 2 of them. */
export function rangePrefixes(range: AddressRange): Prefix[] {
  const { family, first, last } = range;
  const whole = rangePrefix(range);
  if (whole !== undefined) return [whole];
  const bits = familyBits(family);
  const prefixes: Prefix[] = [];
  // Their sizes grow, then shrink: the next one is tried from the size of the last one on.
  let hostBits = 0n;
  for (let at = first; at <= last; at += 1n << hostBits) {
    while (fits(at, last, hostBits + 1n)) hostBits++;
    while (!fits(at, last, hostBits)) hostBits--;
    prefixes.push({ family, value: at, length: bits - Number(hostBits) });
    if (at + (1n << hostBits) > last) break;
  }
  return prefixes;
}

/** Whether a subnet of this size can begin at `at` and does not go beyond `last`. */
function fits(at: bigint, last: bigint, hostBits: bigint): boolean {
  const hosts = (1n << hostBits) - 1n;
  return (at & hosts) === 0n && at + hosts <= last;
}

/** The one subnet that equals a range; undefined if there is none. */
export function rangePrefix({ family, first, last }: AddressRange): Prefix | undefined {
  if (family === 4) return rangePrefixV4(first, Number(first), Number(last));
  const hosts = last - first;
  const isMask = (hosts & (hosts + 1n)) === 0n;
  if (!isMask || (first & hosts) !== 0n) return undefined;
  return { family, value: first, length: familyBits(family) - bitLength(hosts) };
}

/** Numbers are cheaper than bigints. Bit operations take the lower 32 bits of theirs. */
function rangePrefixV4(value: bigint, first: number, last: number): Prefix | undefined {
  const hosts = last - first;
  const isMask = (hosts & (hosts + 1)) === 0;
  if (!isMask || (first & hosts) !== 0) return undefined;
  return { family: 4, value, length: Math.clz32(hosts) };
}

/** How many subnets {@link rangePrefixes} makes from a range, without making them. */
export function countRangePrefixes(range: AddressRange): number {
  if (rangePrefix(range) !== undefined) return 1;
  const { first, last } = range;
  const end = last + 1n;
  // All of them are on one side of the place in the range with the most trailing zeros.
  const hostBits = BigInt(bitLength(first ^ end) - 1);
  const middle = (end >> hostBits) << hostBits;
  return countOnes(middle - first) + countOnes(end - middle);
}

function bitLength(value: bigint): number {
  // Numbers are cheaper than texts; only IPv6 needs more than 32 bits.
  if (value <= 0xffff_ffffn) return 32 - Math.clz32(Number(value));
  return value.toString(2).length;
}

function countOnes(value: bigint): number {
  let ones = 0;
  for (let rest = value; rest > 0n; rest >>= 32n) {
    let word = Number(rest & 0xffff_ffffn);
    for (; word !== 0; word &= word - 1) ones++;
  }
  return ones;
}
