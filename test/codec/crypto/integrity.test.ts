/** Truncated HMACs and plain hashes against known answers (RFC 2202, RFC 4868 §2.7.2, FIPS 180). */

import { expect, test } from "bun:test";
import { sha1, sha256 } from "../../../src/crypto/hash.ts";
import { integrityFor, integrityIcv } from "../../../src/crypto/integrity.ts";
import { Integ } from "../../../src/crypto/transform.ts";

const ANSWERS = [
  {
    id: Integ.HMAC_SHA1_96,
    name: "HMAC_SHA1_96",
    key: 20,
    icv: "b617318655057264e28bc0b6",
  },
  {
    id: Integ.HMAC_SHA2_256_128,
    name: "HMAC_SHA2_256_128",
    key: 32,
    icv: "198a607eb44bfbc69903a0f1cf2bbdc5",
  },
  {
    id: Integ.HMAC_SHA2_384_192,
    name: "HMAC_SHA2_384_192",
    key: 48,
    icv: "b6a8d5636f5c6a7224f9977dcf7ee6c7fb6d0c48cbdee973",
  },
  {
    id: Integ.HMAC_SHA2_512_256,
    name: "HMAC_SHA2_512_256",
    key: 64,
    icv: "637edc6e01dce7e6742a99451aae82df23da3e92439e590e43e761b33e910fb8",
  },
];

test.each(ANSWERS)('$name of "Hi There" is that of the RFC', ({ id, name, key, icv }) => {
  const integ = integrityFor(id);
  if (integ === undefined) throw new Error("missing");
  const text = (s: string) => new TextEncoder().encode(s);
  const octets = new Uint8Array(key).fill(0x0b);
  expect(integ).toMatchObject({ name, keyOctets: key, icvOctets: icv.length / 2 });
  expect(integrityIcv(integ, octets, text("Hi There")).toHex()).toBe(icv);
  expect(integrityIcv(integ, octets, text("Hi "), text("There")).toHex()).toBe(icv);
});

test("an integrity algorithm that is not built in is undefined", () => {
  expect([0, 1, 5, 8, 99].map(integrityFor)).toEqual(Array(5).fill(undefined));
});

test('hashes of "abc" are those of FIPS 180', () => {
  const [a, bc] = [Uint8Array.of(0x61), Uint8Array.of(0x62, 0x63)];
  expect(sha1(a, bc).toHex()).toBe("a9993e364706816aba3e25717850c26c9cd0d89d");
  expect(sha256(a, bc).toHex()).toBe(
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
});
