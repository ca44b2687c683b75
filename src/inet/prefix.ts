/** Subnets: a network address and a prefix length. Host bits are always zero. */

import type { AddressRange } from "./address.ts";
import { type Address, type Family, familyBits, formatAddress, parseAddress } from "./address.ts";

export type Prefix = { readonly family: Family; readonly value: bigint; readonly length: number };

/** The subnet of `length` bits that contains `address`; host bits are cleared. */
export function prefixOf(address: Address, length: number): Prefix {
  const { family } = address;
  const shift = BigInt(familyBits(family) - length);
  const value = (address.value >> shift) << shift;
  // It may live long: one bigint instead of two.
  return { family, value: value === address.value ? address.value : value, length };
}

/**
 * Reads `10.0.0.0/16`, `10.0.0.0/255.255.0.0`, `2001:db8::/32`, or an address alone (a host).
 * Undefined for anything else, including a mask with holes and host bits that are set.
 */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf("/");
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const bits = familyBits(address.family);
  const length = slash < 0 ? bits : parseMask(text.slice(slash + 1), address.family);
  if (length === undefined) return undefined;
  const prefix = prefixOf(address, length);
  return prefix.value === address.value ? prefix : undefined;
}

/** Prefix length of a mask: `24`, `/24`, `255.255.255.0` or `ffff:ffff::`. */
export function parseMask(text: string, family: Family): number | undefined {
  const digits = text.startsWith("/") ? text.slice(1) : text;
  const bits = familyBits(family);
  if (/^[0-9]{1,3}$/.test(digits)) {
    const length = Number(digits);
    return length <= bits ? length : undefined;
  }
  const mask = parseAddress(digits);
  if (mask === undefined || mask.family !== family) return undefined;
  if (family === 4) return maskLength(Number(mask.value));
  const all = (1n << BigInt(bits)) - 1n;
  const hosts = all ^ mask.value;
  // A mask is ones, then zeros: the host part plus one is a power of two.
  if ((hosts & (hosts + 1n)) !== 0n) return undefined;
  return bits - (hosts === 0n ? 0 : hosts.toString(2).length);
}

/** The same of 32 bits: numbers are cheaper than bigints. */
function maskLength(mask: number): number | undefined {
  const hosts = ~mask >>> 0;
  return (hosts & (hosts + 1)) === 0 ? Math.clz32(hosts) : undefined;
}

export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix)}/${prefix.length}`;
}

/** First and last address of a subnet. */
export function prefixRange(prefix: Prefix): AddressRange {
  const hosts = (1n << BigInt(familyBits(prefix.family) - prefix.length)) - 1n;
  return { family: prefix.family, first: prefix.value, last: prefix.value | hosts };
}

/** Whether `inner` lies completely inside `outer`. */
export function containsPrefix(outer: Prefix, inner: Prefix): boolean {
  return outer.length <= inner.length && containsAddress(outer, inner);
}

/** Whether `address` lies inside `prefix`. */
export function containsAddress(prefix: Prefix, address: Address): boolean {
  if (prefix.family !== address.family) return false;
  if (prefix.family === 4) {
    const differing = Number(prefix.value) ^ Number(address.value);
    return prefix.length === 0 || differing >>> (32 - prefix.length) === 0;
  }
  const shift = BigInt(familyBits(prefix.family) - prefix.length);
  return prefix.value >> shift === address.value >> shift;
}

export function equalPrefix(a: Prefix, b: Prefix): boolean {
  return a.family === b.family && a.value === b.value && a.length === b.length;
}
