/** Data attributes: of transforms (RFC 2408 §3.3), and of Mode Config and XAUTH. */

import { assert } from "../../octets/assert.ts";
import type { Reader } from "../../octets/reader.ts";
import type { Writer } from "../../octets/writer.ts";
import type { Attribute } from "./message.ts";

// |A|       Attribute Type        |  AF=0: Attribute Length       |
// |F|                             |  AF=1: Attribute Value        |
// ~                  AF=0: Attribute Value                        ~

/** Reads the attributes up to the end of `r`; faults if there are more than `countMax`. */
export function parseAttributes(r: Reader, countMax: number): readonly Attribute[] {
  const attributes: Attribute[] = [];
  while (r.left > 0) {
    if (attributes.length === countMax) r.fail(`more than ${countMax} attributes`);
    attributes.push(parseAttribute(r, attributes.length + 1));
  }
  return attributes;
}

function parseAttribute(r: Reader, ordinal: number): Attribute {
  if (r.left < HEADER_OCTETS) {
    r.fail(`attribute ${ordinal}: needs ${HEADER_OCTETS} octets, has ${r.left}`);
  }
  const format = r.u16();
  const value = r.u16();
  const type = format & ATTRIBUTE_TYPE;
  if ((format & FORMAT_TV) !== 0) return { type, form: "TV", value };
  if (value > r.left) {
    const place = `attribute ${ordinal} of type ${type}`;
    r.fail(`${place}: Attribute Length ${value}, but ${r.left} octets are left`);
  }
  return { type, form: "TLV", octets: r.octets(value) };
}

/** Writes attributes, each in its own form. */
export function emitAttributes(w: Writer, attributes: readonly Attribute[]): void {
  for (const attribute of attributes) {
    const { type } = attribute;
    assert(type <= ATTRIBUTE_TYPE, `attribute type ${type}`);
    if (attribute.form === "TV") {
      assert(attribute.value <= 0xffff, `attribute ${type} with value ${attribute.value}`);
      w.u16(FORMAT_TV | type).u16(attribute.value);
    } else {
      assert(attribute.octets.length <= 0xffff, `attribute ${type} is too long`);
      w.u16(type).u16(attribute.octets.length).octets(attribute.octets);
    }
  }
}

/**
 * The value as a number, whatever its form; undefined if it is no number, or too large to be exact.
 */
export function attributeNumber(attribute: Attribute): number | undefined {
  if (attribute.form === "TV") return attribute.value;
  const { octets } = attribute;
  if (octets.length === 0 || octets.length > NUMBER_OCTETS_MAX) return undefined;
  const value = octets.reduce((sum, octet) => sum * 256 + octet, 0);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** An attribute with a number: in the short form if it fits, otherwise in four octets. */
export function numberAttribute(type: number, value: number): Attribute {
  assert(value >= 0 && value <= 0xffff_ffff, `attribute ${type} with value ${value}`);
  if (value <= 0xffff) return { type, form: "TV", value };
  const octets = Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
  return { type, form: "TLV", octets };
}

/** The value as octets, whatever its form. */
export function attributeOctets(attribute: Attribute): Uint8Array {
  if (attribute.form === "TLV") return attribute.octets;
  return Uint8Array.of(attribute.value >>> 8, attribute.value);
}

const FORMAT_TV = 0x8000;
const ATTRIBUTE_TYPE = 0x7fff;
const HEADER_OCTETS = 4;
/** Longer ones are no numbers that anybody means. */
const NUMBER_OCTETS_MAX = 16;
