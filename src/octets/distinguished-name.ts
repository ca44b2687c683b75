/**
 * Distinguished names: DER (RFC 5280 §4.1.2.4) and the text that people write, with the escapes of
 * RFC 4514 and in the order of the certificate: `C=CH, O=Fleet, CN=site-1`.
 */

import { DerTag, derOf, emitDer, oidOctets, oidText, readDer, readDerOf } from "./der.ts";
import { fromHex, toHex } from "./hex.ts";
import { decode, type Reader } from "./reader.ts";
import { hasUnseen } from "./visible-text.ts";

/** Names with more octets or more parts are not converted to text: none are that large. */
export const NAME_OCTETS_MAX = 2_048;
const PARTS_MAX = 32;

/** The text of a name; undefined if the octets are not a name that a text can represent. */
export function nameText(der: Uint8Array): string | undefined {
  if (der.length > NAME_OCTETS_MAX) return undefined;
  const text = decode(der, "name", (r) => {
    const rdns = readDerOf(r, DerTag.SEQUENCE, "name");
    r.end();
    const texts: string[] = [];
    let parts = 0;
    while (rdns.left > 0) {
      const rdn = readRdn(readDerOf(rdns, DerTag.SET, "part"), PARTS_MAX - parts);
      parts += rdn.length;
      texts.push(rdn.join("+"));
    }
    return texts.join(", ");
  });
  return text.ok && text.value !== "" ? text.value : undefined;
}

/** The DER of a name's text; undefined if it is not one: it may then be a name of another kind. */
export function parseName(text: string): Uint8Array | undefined {
  if (text.length > NAME_OCTETS_MAX || !/^[A-Za-z0-9.]+ *=/.test(text)) return undefined;
  const pieces = split(text, ",");
  if (pieces.length > PARTS_MAX) return undefined;
  const rdns: Uint8Array[] = [];
  let count = 0;
  for (const rdn of pieces) {
    const parts = split(rdn, "+")
      .slice(0, PARTS_MAX + 1)
      .map(parsePart);
    count += parts.length;
    if (count > PARTS_MAX || parts.some((part) => part === undefined)) return undefined;
    // DER sorts the members of a SET.
    const sorted = parts.flatMap((part) => part ?? []).sort((a, b) => Number(toHex(a) > toHex(b)));
    rdns.push(emitDer(DerTag.SET, ...sorted));
  }
  return emitDer(DerTag.SEQUENCE, ...rdns);
}

/** The attributes of one part of a name, at most `max`. */
function readRdn(set: Reader, max: number): readonly string[] {
  const texts: string[] = [];
  do {
    if (texts.length >= max) return set.fail(`more than ${PARTS_MAX} parts`);
    const part = readDerOf(set, DerTag.SEQUENCE, "attribute");
    const oid = oidText(derOf(part, DerTag.OID, "attribute type").content);
    if (oid === undefined) return set.fail("an invalid attribute type");
    const value = readDer(part);
    part.end();
    const known = KEYWORDS.get(oid);
    const plain = known === undefined ? undefined : plainText(value);
    texts.push(`${known ?? oid}=${plain ?? `#${toHex(value.whole)}`}`);
  } while (set.left > 0);
  return texts;
}

/** A value as text, if the text expresses everything in the octets except the string type. */
function plainText({ tag, content }: { readonly tag: number; readonly content: Uint8Array }) {
  if (!TEXT_TAGS.has(tag) || content.length === 0) return undefined;
  const text = utf8Decoder.decode(content);
  const isWhole = !text.includes("\ufffd") && text.trim() === text && !hasUnseen(text);
  return isWhole ? text.replace(/[,+"\\<>;=]/g, "\\$&").replace(/^#/, "\\#") : undefined;
}

/** Splits at separators that are not escaped; blanks around the pieces are removed. */
function split(text: string, separator: "," | "+"): readonly string[] {
  const pieces: string[] = [];
  let piece = "";
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? "";
    if (char === separator) {
      pieces.push(piece.trim());
      piece = "";
    } else piece += char === "\\" ? char + (text[++at] ?? "") : char;
  }
  return [...pieces, piece.trim()];
}

function parsePart(text: string): Uint8Array | undefined {
  const [, word = "", written = ""] = /^([A-Za-z0-9.]+) *= *(.*)$/s.exec(text) ?? [];
  const oid = OIDS.get(word.toUpperCase()) ?? word;
  const type = oidOctets(oid);
  const value = parseValue(oid, written);
  if (type === undefined || value === undefined) return undefined;
  return emitDer(DerTag.SEQUENCE, emitDer(DerTag.OID, type), value);
}

function parseValue(oid: string, written: string): Uint8Array | undefined {
  if (written.startsWith("#")) return fromHex(written.slice(1));
  if (written === "" || hasUnseen(written)) return undefined;
  const text = written.replace(/\\(.)/gs, "$1");
  return emitDer(stringTag(oid), new TextEncoder().encode(text));
}

/** The types that RFC 5280 §4.1.2.4 requires, and those that are common. */
function stringTag(oid: string): number {
  if (oid === OIDS.get("E") || oid === OIDS.get("DC")) return DerTag.IA5_STRING;
  if (oid === OIDS.get("C") || oid === OIDS.get("SERIALNUMBER")) return DerTag.PRINTABLE_STRING;
  return DerTag.UTF8_STRING;
}

const TEXT_TAGS: ReadonlySet<number> = new Set([
  DerTag.UTF8_STRING,
  DerTag.PRINTABLE_STRING,
  DerTag.IA5_STRING,
]);

/** The names that strongSwan and OpenSSL use. */
const OIDS: ReadonlyMap<string, string> = new Map([
  ["C", "2.5.4.6"],
  ["ST", "2.5.4.8"],
  ["L", "2.5.4.7"],
  ["STREET", "2.5.4.9"],
  ["O", "2.5.4.10"],
  ["OU", "2.5.4.11"],
  ["CN", "2.5.4.3"],
  ["SN", "2.5.4.4"],
  ["GN", "2.5.4.42"],
  ["T", "2.5.4.12"],
  ["SERIALNUMBER", "2.5.4.5"],
  ["E", "1.2.840.113549.1.9.1"],
  ["UID", "0.9.2342.19200300.100.1.1"],
  ["DC", "0.9.2342.19200300.100.1.25"],
]);

const KEYWORDS: ReadonlyMap<string, string> = new Map(
  [...OIDS].map(([word, oid]) => [oid, word === "SERIALNUMBER" ? "serialNumber" : word]),
);

// Without ignoreBOM a byte order mark at the start would be lost.
const utf8Decoder = new TextDecoder("utf-8", { ignoreBOM: true });
