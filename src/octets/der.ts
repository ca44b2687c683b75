/** DER: values with their tags and lengths (ITU-T X.690), as used in certificates and names. */

import { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

/** Tags that are used here; constructed ones have 0x20 in them. */
export const DerTag = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  NULL: 0x05,
  OID: 0x06,
  UTF8_STRING: 0x0c,
  PRINTABLE_STRING: 0x13,
  IA5_STRING: 0x16,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  SEQUENCE: 0x30,
  SET: 0x31,
} as const;

/** One value: its tag, its content, and the complete encoding. */
export type DerValue = {
  readonly tag: number;
  readonly content: Uint8Array;
  readonly whole: Uint8Array;
};

/** The next value; faults if it is not DER, or longer than the rest. For use in `decode`. */
export function readDer(r: Reader): DerValue {
  const from = r.at;
  const tag = r.u8();
  if ((tag & 0x1f) === 0x1f) r.fail("a tag of more than one octet");
  const octets = readLength(r);
  const content = r.octets(octets);
  return { tag, content, whole: r.since(from) };
}

/** A reader over the content of the next value, which has to have this tag. */
export function readDerOf(r: Reader, tag: number, what: string): Reader {
  return within(r, derOf(r, tag, what).content, what);
}

/** The next value, which has to have this tag. */
export function derOf(r: Reader, tag: number, what: string): DerValue {
  if (r.left === 0) r.fail(`${what} is missing`);
  const value = readDer(r);
  if (value.tag !== tag) r.fail(`${what} has tag ${value.tag}, needs ${tag}`);
  return value;
}

/** The next value if it has this tag; otherwise, or at the end, undefined, and nothing is read. */
export function optionalDer(r: Reader, tag: number): DerValue | undefined {
  if (r.peek() !== tag) return undefined;
  return readDer(r);
}

/** A reader over the content of a value, which reports its place. */
export function within(r: Reader, content: Uint8Array, what: string): Reader {
  return new Reader(content, `${r.where}, ${what}`);
}

/**
 * The content of an OBJECT IDENTIFIER as `2.5.4.3`; undefined if it is malformed or unusually long.
 */
export function oidText(content: Uint8Array): string | undefined {
  const arcs: number[] = [];
  let arc = 0;
  if (content.length === 0 || ((content.at(-1) ?? 0) & 0x80) !== 0) return undefined;
  for (const octet of content) {
    // A leading zero would be a second way to write the same number.
    if (arc === 0 && octet === 0x80) return undefined;
    arc = arc * 128 + (octet & 0x7f);
    if (arc > ARC_MAX) return undefined;
    if ((octet & 0x80) !== 0) continue;
    if (arcs.length === 0) {
      const first = Math.min(2, Math.floor(arc / 40));
      arcs.push(first, arc - first * 40);
    } else arcs.push(arc);
    arc = 0;
  }
  return arcs.join(".");
}

const ARC_MAX = 999_999_999;

/** The content of an OBJECT IDENTIFIER from dotted numbers; undefined if the text is not one. */
export function oidOctets(text: string): Uint8Array | undefined {
  const arcs = /^[0-2](\.\d{1,9})+$/.test(text) ? text.split(".").map(Number) : [];
  const [first, second, ...rest] = arcs;
  if (first === undefined || second === undefined) return undefined;
  const octets = [first * 40 + second, ...rest].flatMap((arc) => {
    const sevens = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
      sevens.unshift((left % 128) | 0x80);
    }
    return sevens;
  });
  return Uint8Array.from(octets);
}

/** Writes a value: tag, length, and its contents one after the other. */
export function emitDer(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const octets = contents.reduce((sum, content) => sum + content.length, 0);
  const w = new Writer(octets + 4).u8(tag);
  if (octets < 0x80) w.u8(octets);
  else if (octets < 0x100) w.u8(0x81).u8(octets);
  else w.u8(0x82).u16(octets);
  for (const content of contents) w.octets(content);
  return w.done();
}

/** At most 64 KB: no certificate that is accepted here is longer. */
function readLength(r: Reader): number {
  const first = r.u8();
  if (first < 0x80) return first;
  if (first === 0x81) {
    const octets = r.u8();
    return octets >= 0x80 ? octets : r.fail("a length in more octets than it needs");
  }
  if (first !== 0x82) return r.fail(`a length in ${first & 0x7f} octets`);
  const octets = r.u16();
  return octets >= 0x100 ? octets : r.fail("a length in more octets than it needs");
}
