/** The Nonce payload. */

import { expect, test } from "bun:test";
import { emitNonce, parseNonce } from "../../../src/wire/v2/payload/nonce.ts";
import { expectSame, faultOf } from "./body.ts";
import { hex } from "./hex.ts";

const OCTETS = hex("00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f"); // Nonce Data

test("a nonce is read and written", () => {
  expectSame(OCTETS, { kind: "NONCE", data: OCTETS }, { parse: parseNonce, emit: emitNonce });
});

test("V2-43: a nonce below 16 octets is malformed", () => {
  for (const length of [0, 1, 15]) {
    expect(faultOf(OCTETS.subarray(0, length), parseNonce)).toBe(
      `payload: Nonce Data has ${length} octets, needs 16 to 256`,
    );
  }
});

test("V2-43: a nonce has up to 256 octets, not one more", () => {
  const longest = new Uint8Array(256).fill(7);
  expectSame(longest, { kind: "NONCE", data: longest }, { parse: parseNonce, emit: emitNonce });
  expect(faultOf(new Uint8Array(257), parseNonce)).toBe(
    "payload: Nonce Data has 257 octets, needs 16 to 256",
  );
});
