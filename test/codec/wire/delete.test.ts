/** The Delete payload. */

import { expect, test } from "bun:test";
import { AssertionError } from "../../../src/octets/assert.ts";
import type { DeletePayload } from "../../../src/wire/v2/message.ts";
import { emitDelete, parseDelete } from "../../../src/wire/v2/payload/delete.ts";
import { emitted, expectCutsFault, expectSame, faultOf, parsed } from "./body.ts";
import { hex } from "./hex.ts";

const CODEC = { parse: parseDelete, emit: emitDelete };

const TWO_CHILD_SAS = hex(
  "03", // Protocol ID: ESP
  "04", // SPI Size
  "00 02", // Num of SPIs
  "c1 c2 c3 c4", // SPI
  "00 00 01 00", // SPI
);

test("a Delete of Child SAs lists their SPIs", () => {
  const payload: DeletePayload = { kind: "DELETE", protocol: 3, spis: [0xc1c2c3c4, 256] };
  expectSame(TWO_CHILD_SAS, payload, CODEC);
});

test("a Delete of the IKE SA lists none", () => {
  expectSame(hex("01 00 00 00"), { kind: "DELETE", protocol: 1, spis: [] }, CODEC);
});

test("a Delete cut anywhere is malformed", () => {
  expectCutsFault(TWO_CHILD_SAS, parseDelete);
});

test("the count of SPIs is the count of octets, or the payload is malformed", () => {
  expect(faultOf(TWO_CHILD_SAS.with(3, 3), parseDelete)).toBe(
    "payload: 3 SPIs of 4 octets, but 8 octets are left",
  );
  expect(faultOf(TWO_CHILD_SAS.with(3, 1), parseDelete)).toBe(
    "payload: 1 SPIs of 4 octets, but 8 octets are left",
  );
  expect(faultOf(TWO_CHILD_SAS.with(2, 255), parseDelete)).toBe(
    "payload: 65282 SPIs of 4 octets, but 8 octets are left",
  );
});

test("SPIs have 4 octets for ESP and AH, none for IKE", () => {
  expect(faultOf(TWO_CHILD_SAS.with(1, 8), parseDelete)).toBe(
    "payload: SPI Size 8 for protocol 3, needs 4",
  );
  expect(faultOf(TWO_CHILD_SAS.with(0, 1), parseDelete)).toBe(
    "payload: SPI Size 4 for protocol 1, needs 0",
  );
});

test("SPIs of an unknown protocol are skipped", () => {
  const value: DeletePayload = { kind: "DELETE", protocol: 9, spis: [] };
  expect(parsed(TWO_CHILD_SAS.with(0, 9), parseDelete)).toEqual({ ok: true, value });
});

test("to delete SPIs of the IKE SA is a bug of ours", () => {
  const wrong: DeletePayload = { kind: "DELETE", protocol: 1, spis: [1] };
  expect(() => emitted(wrong, emitDelete)).toThrow(AssertionError);
});
