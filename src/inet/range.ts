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

/** The fewest subnets that make up a range, in order: at most 2 × bits - 2 of them. */
export function rangePrefixes(range: AddressRange): Prefix[] {
  const bits = familyBits(range.family);
  const whole = wholePrefix(range, bits);
  if (whole !== undefined) return [whole];
  const prefixes: Prefix[] = [];
  let at = range.first;
  while (at <= range.last) {
    let hostBits = 0n;
    // As large as the alignment of its first address and the end of the range allow.
    while (hostBits < BigInt(bits)) {
      const size = 1n << (hostBits + 1n);
      if (at % size !== 0n || at + size - 1n > range.last) break;
      hostBits++;
    }
    prefixes.push({ family: range.family, value: at, length: bits - Number(hostBits) });
    at += 1n << hostBits;
  }
  return prefixes;
}

/** Most ranges are one subnet: no need to grow it bit by bit. */
function wholePrefix({ family, first, last }: AddressRange, bits: number): Prefix | undefined {
  const hosts = last - first;
  const isMask = (hosts & (hosts + 1n)) === 0n;
  if (!isMask || (first & hosts) !== 0n) return undefined;
  const hostBits = hosts === 0n ? 0 : hosts.toString(2).length;
  return { family, value: first, length: bits - hostBits };
}
