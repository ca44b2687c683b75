/** The Identification payloads, and identities as text. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { matchesPattern, parsePattern } from "../../../src/eroute/pattern.ts";
import type { Reader } from "../../../src/octets/reader.ts";
import {
  IDENTITY_OCTETS_MAX,
  type Identity,
  IdType,
  identityText,
  parseIdentity,
} from "../../../src/wire/identity.ts";
import type { IdPayload } from "../../../src/wire/v2/message.ts";
import { emitId, identityBody, parseId } from "../../../src/wire/v2/payload/id.ts";
import { emitted, expectSame, faultOf, parsed } from "./body.ts";
import { hex } from "./hex.ts";

const parseIdi = (r: Reader): IdPayload => parseId(r, "IDi");

const FQDN = hex(
  "02", // ID Type: ID_FQDN
  "00 00 00", // RESERVED
  "73 69 74 65 2d 31", // Identification Data: "site-1"
);

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

test("an ID payload is read and written", () => {
  const payload: IdPayload = {
    kind: "IDi",
    identity: { idType: IdType.FQDN, data: text("site-1") },
    body: FQDN,
  };
  expectSame(FQDN, payload, { parse: parseIdi, emit: emitId });
});

test("an ID payload cut in its head is malformed", () => {
  expect(faultOf(FQDN.subarray(0, 0), parseIdi)).toBe("payload: needs 1 octets at 0, has 0");
  expect(faultOf(FQDN.subarray(0, 3), parseIdi)).toBe("payload: needs 3 octets at 1, has 2");
});

test("V2-48: the body keeps RESERVED octets as received, for AUTH covers them", () => {
  const odd = FQDN.with(1, 0xaa);
  const id = parsed(odd, parseIdi);
  expect(id.ok && id.value.identity).toEqual({ idType: IdType.FQDN, data: text("site-1") });
  expect(id.ok && id.value.body).toEqual(odd);
  expect(id.ok && emitted(id.value, emitId)).toEqual(odd);
});

test("an address has the length of an address", () => {
  expect(faultOf(hex("01 00 00 00 c0 00 02"), parseIdi)).toBe(
    "payload: ID Type 1 needs 4 octets, has 3",
  );
  expect(faultOf(hex("05 00 00 00 c0 00 02 01"), parseIdi)).toBe(
    "payload: ID Type 5 needs 16 octets, has 4",
  );
});

test("identityBody is the body of an ID payload: type, RESERVED, data", () => {
  expect(identityBody({ idType: IdType.FQDN, data: text("site-1") })).toEqual(FQDN);
});

const TEXTS: readonly (readonly [Identity, string])[] = [
  [{ idType: IdType.IPV4_ADDR, data: hex("c0 00 02 01") }, "192.0.2.1"],
  [{ idType: IdType.IPV6_ADDR, data: hex("20010db8 00000000 00000000 00000001") }, "2001:db8::1"],
  [{ idType: IdType.IPV4_ADDR, data: hex("c0 00") }, "0xc000"],
  [{ idType: IdType.FQDN, data: text("site-1.example") }, "site-1.example"],
  [{ idType: IdType.FQDN, data: text("Büro 1") }, "Büro 1"],
  [{ idType: IdType.RFC822_ADDR, data: text("a@b.example") }, "a@b.example"],
  [{ idType: IdType.KEY_ID, data: text("site 4711") }, "site 4711"],
  [{ idType: IdType.KEY_ID, data: text("Büro") }, "0x42c3bc726f"],
  [{ idType: IdType.KEY_ID, data: hex("00 01") }, "0x0001"],
  [{ idType: IdType.DER_ASN1_DN, data: text("plain") }, "0x706c61696e"],
  [{ idType: 201, data: text("plain") }, "0x706c61696e"],
];

test("an identity is shown as a name or an address, else in hex", () => {
  for (const [identity, shown] of TEXTS) expect(identityText(identity)).toBe(shown);
});

test("a name that would not be shown faithfully is shown in hex", () => {
  const shown = (data: Uint8Array) => identityText({ idType: IdType.FQDN, data });
  expect(shown(text("a\nb"))).toBe("0x610a62"); // a line end forges a second log line
  expect(shown(text("site\0"))).toBe("0x7369746500"); // a terminator
  expect(shown(text("\u001b[2J"))).toBe("0x1b5b324a"); // a terminal's command
  expect(shown(text("a\u202eb"))).toBe("0x61e280ae62"); // reverses the rest
  expect(shown(text("a\u200bb"))).toBe("0x61e2808b62"); // a blank without width
  expect(shown(text("\ufeffa"))).toBe("0xefbbbf61"); // a byte order mark
  expect(shown(text("a\u2028b"))).toBe("0x61e280a862"); // a line end by another name
  expect(shown(text(" site"))).toBe("0x2073697465");
  expect(shown(text("site "))).toBe("0x7369746520");
  expect(shown(hex("c3 28"))).toBe("0xc328"); // not UTF-8
  expect(shown(hex("ed a0 80"))).toBe("0xeda080"); // half a surrogate pair
  expect(shown(hex("ef bf bd"))).toBe("\ufffd"); // the replacement character itself is a character
  expect(shown(new Uint8Array(0))).toBe("0x");
});

test("a name that looks like the hex form is shown in hex itself", () => {
  const shown = (name: string) => identityText({ idType: IdType.FQDN, data: text(name) });
  expect(shown("0x41")).toBe("0x30783431");
  expect(shown("0x")).toBe("0x3078");
  expect(shown("0xyz")).toBe("0xyz");
  expect(shown("0x414")).toBe("0x414");
});

test("two different runs of octets never have the same text", () => {
  const name = fc.oneof(
    fc.uint8Array({ maxLength: 8 }),
    fc.string({ maxLength: 8 }).map(text),
    fc.constantFrom("0x", "0x41", "A", "0x30783431", "0X41").map(text),
  );
  const idType = fc.constantFrom(IdType.FQDN, IdType.RFC822_ADDR, IdType.KEY_ID);
  fc.assert(
    fc.property(fc.tuple(idType, name), fc.tuple(idType, name), (a, b) => {
      const shownA = identityText({ idType: a[0], data: a[1] });
      const shownB = identityText({ idType: b[0], data: b[1] });
      if (shownA === shownB) expect(a[1]).toEqual(b[1]);
    }),
    { numRuns: 2000 },
  );
});

test("a text is read as the identity that people mean", () => {
  const read = (value: string) => parseIdentity(value);
  expect(read("192.0.2.1")).toEqual({ idType: IdType.IPV4_ADDR, data: hex("c0 00 02 01") });
  expect(read("2001:db8::1").idType).toBe(IdType.IPV6_ADDR);
  expect(read("0x00ff")).toEqual({ idType: IdType.KEY_ID, data: hex("00 ff") });
  expect(read("keyid:site-1")).toEqual({ idType: IdType.KEY_ID, data: text("site-1") });
  expect(read("keyid:a@b")).toEqual({ idType: IdType.KEY_ID, data: text("a@b") });
  expect(read("a@b.example")).toEqual({ idType: IdType.RFC822_ADDR, data: text("a@b.example") });
  expect(read("vpn.example")).toEqual({ idType: IdType.FQDN, data: text("vpn.example") });
  expect(read("0xyz")).toEqual({ idType: IdType.FQDN, data: text("0xyz") });
  expect(read("192.0.2.300")).toEqual({ idType: IdType.FQDN, data: text("192.0.2.300") });
});

test("what an identity shows is read back to the same octets", () => {
  const name = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.string({ maxLength: 40 }).map(text));
  fc.assert(
    fc.property(fc.constantFrom(IdType.FQDN, IdType.KEY_ID), name, (idType, data) => {
      const shown = identityText({ idType, data });
      // These texts are the notation for something else.
      fc.pre(!shown.startsWith("keyid:") && !isAddress(parseIdentity(shown)));
      expect(parseIdentity(shown).data).toEqual(data);
    }),
    { numRuns: 2000 },
  );
});

function isAddress(identity: Identity): boolean {
  return identity.idType === IdType.IPV4_ADDR || identity.idType === IdType.IPV6_ADDR;
}

test("only the beginning of an ID that is too long is shown, and it matches nothing", () => {
  const wild = parsePattern("*");
  if (!wild.ok) throw new Error(wild.error);
  for (const idType of [2, 3, 9, 11, 200]) {
    const shown = identityText({ idType, data: new Uint8Array(60_000).fill(0x61) });
    expect(shown).toBe(`0x${"61".repeat(128)}`);
    expect(matchesPattern(wild.value, shown)).toBe(false);
  }
  const last = new Uint8Array(IDENTITY_OCTETS_MAX).fill(0x61);
  expect(identityText({ idType: 2, data: last })).toBe("a".repeat(IDENTITY_OCTETS_MAX));
});
