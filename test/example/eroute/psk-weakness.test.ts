/** Weak pre-shared keys: which are reported, and that none is quoted. */

import { expect, test } from "bun:test";
import {
  generatePassword,
  generatePasswordFor,
} from "../../../src/cli/peers/generated-password.ts";
import { pskWeakness } from "../../../src/eroute/psk-weakness.ts";

test("short, obvious and patterned keys are reported, and not quoted", () => {
  const cases = [
    ["k", "auto", "has 1 character, at least 20"],
    ["fifteen letters", "auto", "has 15 characters"],
    ["0x0011223344", "auto", "has 40 bits, at least 128"],
    ["0sAAECAw==", "auto", "has 32 bits"],
    ["00112233445566778899aabbccdd", "hex", "has 112 bits"],
    ["0x112233", "text", "has 8 characters"],
    ["Site-1.Customer.Example", "auto", "is its peer ID"],
    ["0x736974652d312e637573746f6d65722e6578616d706c65", "auto", "is its peer ID"],
    ["correct horse battery staple", "auto", "one of the first guesses"],
    ["!!!Change-Me!!!1234567890", "auto", "one of the first guesses"],
    ["aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "auto", "follows a pattern"],
    ["ababababababababababababab", "auto", "follows a pattern"],
    ["abcdefghijklmnopqrstuvwxyz", "auto", "follows a pattern"],
    ["0x000102030405060708090a0b0c0d0e0f", "auto", "follows a pattern"],
    ["0x00000000000000000000000000000000", "auto", "follows a pattern"],
  ] as const;
  for (const [key, format, says] of cases) {
    const weakness = pskWeakness(key, "site-1.customer.example", format);
    expect([key, weakness]).toEqual([key, expect.stringContaining(says)]);
    if (key.length > 2) expect(weakness).not.toContain(key);
  }
});

test("generated keys are never weak, in any format", () => {
  for (let n = 0; n < 200; n++) {
    expect(pskWeakness(generatePassword(), "site-1", "auto")).toBeUndefined();
    for (const format of ["auto", "text", "hex", "base64"] as const) {
      const key = generatePasswordFor(format);
      expect([format, pskWeakness(key, "site-1", format)]).toEqual([format, undefined]);
    }
  }
});

test("a key that cannot be read is reported elsewhere", () => {
  for (const key of ["", "0xzz", "0s!"]) expect(pskWeakness(key, "site-1", "auto")).toBeUndefined();
});
