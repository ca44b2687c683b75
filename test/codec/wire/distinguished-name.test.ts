/** Distinguished names: DER and text, each made from the other (RFC 5280, RFC 4514). */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { DerTag, emitDer, oidOctets, oidText } from "../../../src/octets/der.ts";
import { NAME_OCTETS_MAX, nameText, parseName } from "../../../src/octets/distinguished-name.ts";
import { IdType, identityText, parseIdentity } from "../../../src/wire/identity.ts";
import { hex } from "./hex.ts";

/** As openssl writes `/C=CH/O=Fleet/CN=site-1`. */
const SITE_1 = hex(
  "30 2e", // SEQUENCE
  "31 0b 30 09 06 03 55 04 06 13 02 43 48", // C, PrintableString CH
  "31 0e 30 0c 06 03 55 04 0a 0c 05 46 6c 65 65 74", // O, UTF8String Fleet
  "31 0f 30 0d 06 03 55 04 03 0c 06 73 69 74 65 2d 31", // CN, UTF8String site-1
);

function name(...parts: readonly Uint8Array[]): Uint8Array {
  return emitDer(DerTag.SEQUENCE, ...parts.map((part) => emitDer(DerTag.SET, part)));
}

function part(oid: string, tag: number, value: Uint8Array): Uint8Array {
  const type = emitDer(DerTag.OID, oidOctets(oid) ?? new Uint8Array(0));
  return emitDer(DerTag.SEQUENCE, type, emitDer(tag, value));
}

test("a subject and its text are made from each other", () => {
  expect(nameText(SITE_1)).toBe("C=CH, O=Fleet, CN=site-1");
  expect(parseName("C=CH, O=Fleet, CN=site-1")).toEqual(SITE_1);
  expect(parseName("c=CH,o = Fleet ,CN=site-1")).toEqual(SITE_1);
});

test("an ID payload with it has that text, and the text is that ID", () => {
  const identity = { idType: IdType.DER_ASN1_DN, data: SITE_1 };
  expect(identityText(identity)).toBe("C=CH, O=Fleet, CN=site-1");
  expect(parseIdentity("C=CH, O=Fleet, CN=site-1")).toEqual(identity);
});

test("a name of another kind that looks like a subject is shown in hex", () => {
  const data = new TextEncoder().encode("CN=site-1");
  for (const idType of [IdType.FQDN, IdType.RFC822_ADDR, IdType.KEY_ID]) {
    expect(identityText({ idType, data })).toStartWith("0x");
  }
  expect(identityText({ idType: IdType.DER_ASN1_DN, data })).toStartWith("0x");
});

test("all values come back unchanged, whatever must be escaped in them", () => {
  const value = fc.string({ minLength: 1, maxLength: 20, unit: "grapheme-ascii" });
  const trimmed = value.filter((text) => text.trim() === text);
  const word = fc.constantFrom("C", "O", "OU", "CN", "L", "ST", "E", "DC", "UID");
  fc.assert(
    fc.property(fc.array(fc.tuple(word, trimmed), { minLength: 1, maxLength: 6 }), (parts) => {
      const texts = parts.map(([key, text]) => `${key}=${text.replace(/[^A-Za-z0-9]/g, "\\$&")}`);
      const der = parseName(texts.join(", "));
      expect(der).toBeDefined();
      const shown = nameText(der ?? new Uint8Array(0)) ?? "";
      expect(parseName(shown)).toEqual(der);
    }),
  );
});

test("values that text cannot show are in hex; attributes without a keyword have numbers", () => {
  const bmp = part("2.5.4.3", 0x1e, hex("00 41"));
  expect(nameText(name(bmp))).toBe("CN=#1e020041");
  const control = part("2.5.4.3", DerTag.UTF8_STRING, hex("41 0a 42"));
  expect(nameText(name(control))).toBe("CN=#0c03410a42");
  const other = part("1.2.3.4", DerTag.UTF8_STRING, hex("41"));
  expect(nameText(name(other))).toBe("1.2.3.4=#0c0141");
  for (const text of ["CN=#1e020041", "1.2.3.4=#0c0141", "OU=a+CN=b"]) {
    expect(nameText(parseName(text) ?? new Uint8Array(0))).toBe(text);
  }
});

test("a text that is not a subject is a name of another kind", () => {
  for (const text of ["site-1", "site-1.example", "a@b.example", "CN=", "CN", "XY=1", "=x", ""]) {
    expect(parseName(text)).toBeUndefined();
  }
});

test("cut short or changed anywhere, a name has another text or none", () => {
  for (let length = 0; length < SITE_1.length; length++) {
    expect(nameText(SITE_1.subarray(0, length))).toBeUndefined();
  }
  for (let at = 0; at < SITE_1.length; at++) {
    for (const flip of [0x01, 0x20, 0x80]) {
      const changed = SITE_1.with(at, (SITE_1[at] ?? 0) ^ flip);
      expect(nameText(changed)).not.toBe("C=CH, O=Fleet, CN=site-1");
    }
  }
});

test("object identifiers come back unchanged; those with two spellings are refused", () => {
  for (const oid of ["2.5.4.3", "1.2.840.113549.1.1.11", "2.999.1", "0.9.2342.19200300.100.1.25"]) {
    expect(oidText(oidOctets(oid) ?? new Uint8Array(0))).toBe(oid);
  }
  expect(oidText(hex("55 80 04"))).toBeUndefined();
  expect(oidText(hex("55 84"))).toBeUndefined();
  expect(oidText(hex(""))).toBeUndefined();
});

test("a name has a maximum of parts, however they are spread over its SETs", () => {
  const type = emitDer(DerTag.OID, oidOctets("2.5.4.3") ?? new Uint8Array(0));
  const value = emitDer(DerTag.UTF8_STRING, new TextEncoder().encode("a"));
  const attribute = emitDer(DerTag.SEQUENCE, type, value);
  const set = (count: number) =>
    emitDer(DerTag.SET, ...new Array<Uint8Array>(count).fill(attribute));
  expect(nameText(emitDer(DerTag.SEQUENCE, set(32)))).toBe(new Array(32).fill("CN=a").join("+"));
  expect(nameText(emitDer(DerTag.SEQUENCE, set(16), set(16)))).toBeDefined();
  expect(nameText(emitDer(DerTag.SEQUENCE, set(33)))).toBeUndefined();
  expect(nameText(emitDer(DerTag.SEQUENCE, set(16), set(17)))).toBeUndefined();
  expect(parseName(new Array(32).fill("CN=a").join("+"))).toBeDefined();
  expect(parseName(new Array(33).fill("CN=a").join("+"))).toBeUndefined();
});

test("a name of more octets than are read has no text", () => {
  const type = emitDer(DerTag.OID, oidOctets("2.5.4.3") ?? new Uint8Array(0));
  const of = (octets: number) => {
    const value = emitDer(DerTag.UTF8_STRING, new Uint8Array(octets).fill(0x61));
    const set = emitDer(DerTag.SET, emitDer(DerTag.SEQUENCE, type, value));
    return nameText(emitDer(DerTag.SEQUENCE, set));
  };
  expect(of(NAME_OCTETS_MAX - 100)).toBeDefined();
  expect(of(NAME_OCTETS_MAX)).toBeUndefined();
});
