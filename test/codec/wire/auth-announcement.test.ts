/** The data of SUPPORTED_AUTH_METHODS, octet by octet (RFC 9593 §3.2). */

import { expect, test } from "bun:test";
import { fromHex } from "../../../src/octets/hex.ts";
import { emitAnnouncements, parseAnnouncements } from "../../../src/wire/v2/auth-announcement.ts";

const NONE = new Uint8Array(0);
/** ecdsa-with-SHA256, from RFC 7427 §A.3.2. */
const ECDSA = fromHex("300a06082a8648ce3d040302") ?? NONE;

const PSK = { method: 2, algorithm: NONE };
const RSA = { method: 1, algorithm: NONE };
const DIGITAL = { method: 14, algorithm: ECDSA };

test("X-13: two octets for a pre-shared key, three for older methods, else more", () => {
  const data = emitAnnouncements([PSK, RSA, DIGITAL]);
  // Length, Auth Method, [Cert Link, [AlgorithmIdentifier]]
  expect(data.toHex()).toBe(`0202${"030100"}${"0f0e00300a06082a8648ce3d040302"}`);
  expect(parseAnnouncements(data)).toEqual([PSK, RSA, DIGITAL]);
});

test("X-13: unknown methods and links to an authority are read, whatever their length", () => {
  expect(parseAnnouncements(fromHex("029904990102030103") ?? NONE)).toEqual([
    { method: 0x99, algorithm: NONE },
    { method: 0x99, algorithm: Uint8Array.of(2) },
    RSA,
  ]);
});

test("X-13: data that cannot be read announces nothing; no more than 64 are kept", () => {
  for (const text of ["00", "01", "0102", "02", "0302", "0f0e003006", "02020000"]) {
    expect([text, parseAnnouncements(fromHex(text) ?? NONE)]).toEqual([text, []]);
  }
  expect(parseAnnouncements(new Uint8Array(4_000).fill(2)).length).toBe(64);
});

test("X-13: what is read outlives the datagram", () => {
  const data = emitAnnouncements([DIGITAL]);
  const read = parseAnnouncements(data);
  data.fill(0);
  expect(read).toEqual([DIGITAL]);
});
