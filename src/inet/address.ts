/** IP addresses, IPv4 and IPv6 alike: a family and a number. Text form of IPv6: RFC 5952. */

import { Reader } from "../octets/reader.ts";
import type { Writer } from "../octets/writer.ts";

export type Family = 4 | 6;
export type Address = { readonly family: Family; readonly value: bigint };

/** All addresses from the first to the last, as traffic selectors carry them. */
export type AddressRange = {
  readonly family: Family;
  readonly first: bigint;
  readonly last: bigint;
};

/** Bits of an address of this family. */
export function familyBits(family: Family): 32 | 128 {
  return family === 4 ? 32 : 128;
}

export function equalAddress(a: Address, b: Address): boolean {
  return a.family === b.family && a.value === b.value;
}

/** 4 or 16 octets, network order. */
export function addressOctets(address: Address): Uint8Array {
  const octets = new Uint8Array(address.family === 4 ? 4 : 16);
  // 32 bits at a time: numbers are cheaper to take apart than bigints.
  let rest = address.value;
  for (let at = octets.length - 4; at >= 0; at -= 4) {
    const word = Number(rest & 0xffff_ffffn);
    octets[at] = word >>> 24;
    octets[at + 1] = word >>> 16;
    octets[at + 2] = word >>> 8;
    octets[at + 3] = word;
    if (at > 0) rest >>= 32n;
  }
  return octets;
}

/** Writes these octets of `value`, an address of this family. */
export function emitAddress(w: Writer, family: Family, value: bigint): void {
  if (family === 4) w.u32(Number(value));
  else w.u64(value >> 64n).u64(BigInt.asUintN(64, value));
}

/** The address in 4 or 16 octets; undefined for any other count. */
export function addressFromOctets(octets: Uint8Array): Address | undefined {
  if (octets.length === 4) {
    return { family: 4, value: BigInt(new Reader(octets, "IPv4 address").u32()) };
  }
  if (octets.length !== 16) return undefined;
  const r = new Reader(octets, "IPv6 address");
  const high = r.u64();
  return { family: 6, value: (high << 64n) | r.u64() };
}

/** Reads `192.0.2.1` or `2001:db8::1` (also `::ffff:192.0.2.1`, which stays IPv6). */
export function parseAddress(text: string): Address | undefined {
  if (text.includes(":")) return parseIpv6(text);
  const value = parseIpv4(text);
  return value === undefined ? undefined : { family: 4, value: BigInt(value) };
}

/** Dotted decimal, or the shortest IPv6 text (RFC 5952 §4). */
export function formatAddress(address: Address): string {
  if (address.family === 4) {
    const v = Number(address.value);
    return `${v >>> 24}.${(v >>> 16) & 255}.${(v >>> 8) & 255}.${v & 255}`;
  }
  const { value } = address;
  // 32 bits at a time: numbers are cheaper to take apart than bigints.
  const first = Number(value >> 96n);
  const second = Number((value >> 64n) & 0xffff_ffffn);
  const third = Number((value >> 32n) & 0xffff_ffffn);
  const last = Number(value & 0xffff_ffffn);
  const groups = [
    ...[first >>> 16, first & 0xffff, second >>> 16, second & 0xffff],
    ...[third >>> 16, third & 0xffff, last >>> 16, last & 0xffff],
  ];
  const { from, length } = longestZeroRun(groups);
  if (length < 2) return hexOf(groups, 0, groups.length);
  return `${hexOf(groups, 0, from)}::${hexOf(groups, from + length, groups.length)}`;
}

/** Groups from one index to before another. */
function hexOf(groups: readonly number[], from: number, to: number): string {
  let text = from < to ? (groups[from] ?? 0).toString(16) : "";
  for (let at = from + 1; at < to; at++) text += `:${(groups[at] ?? 0).toString(16)}`;
  return text;
}

function parseIpv4(text: string): number | undefined {
  let value = 0;
  let part = 0;
  let digits = 0;
  let dots = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === DOT) {
      if (digits === 0 || ++dots > 3) return undefined;
      value = value * 256 + part;
      part = 0;
      digits = 0;
      continue;
    }
    // A leading zero is refused: some read 010 as octal.
    const isDigit = code >= ZERO && code <= NINE && (digits === 0 || part !== 0);
    part = part * 10 + code - ZERO;
    digits++;
    if (!isDigit || part > 255) return undefined;
  }
  return dots === 3 && digits > 0 ? value * 256 + part : undefined;
}

const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;

function parseIpv6(text: string): Address | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? "");
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? "") : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  let value = 0n;
  for (const group of [...head, ...new Array<number>(missing).fill(0), ...tail]) {
    value = (value << 16n) | BigInt(group);
  }
  return { family: 6, value };
}

function parseGroups(text: string): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (part.includes(".")) {
      const v4 = i === parts.length - 1 ? parseIpv4(part) : undefined;
      if (v4 === undefined) return undefined;
      groups.push(v4 >>> 16, v4 & 0xffff);
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(part)) return undefined;
      groups.push(Number.parseInt(part, 16));
    }
  }
  return groups;
}

function longestZeroRun(groups: readonly number[]): { from: number; length: number } {
  let best = { from: 0, length: 0 };
  for (let i = 0; i < groups.length; i++) {
    let end = i;
    while (end < groups.length && groups[end] === 0) end++;
    if (end - i > best.length) best = { from: i, length: end - i };
    i = Math.max(i, end - 1);
  }
  return best;
}
