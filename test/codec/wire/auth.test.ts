/** The Authentication payload. */

import { expect, test } from "bun:test";
import type { AuthPayload } from "../../../src/wire/v2/message.ts";
import { emitAuth, parseAuth } from "../../../src/wire/v2/payload/auth.ts";
import { expectSame, faultOf, parsed } from "./body.ts";
import { hex } from "./hex.ts";

const OCTETS = hex(
  "02", // Auth Method: Shared Key Message Integrity Code
  "00 00 00", // RESERVED
  "de ad be ef", // Authentication Data
);
const AUTH: AuthPayload = { kind: "AUTH", method: 2, data: hex("de ad be ef") };

test("an AUTH payload is read and written", () => {
  expectSame(OCTETS, AUTH, { parse: parseAuth, emit: emitAuth });
});

test("an AUTH payload cut before its data is malformed", () => {
  expect(faultOf(OCTETS.subarray(0, 0), parseAuth)).toBe("payload: needs 1 octets at 0, has 0");
  expect(faultOf(OCTETS.subarray(0, 3), parseAuth)).toBe("payload: needs 3 octets at 1, has 2");
});

test("RESERVED octets of an AUTH payload are ignored; unknown methods are kept", () => {
  expect(parsed(OCTETS.with(1, 0xff).with(3, 0xff), parseAuth)).toEqual({ ok: true, value: AUTH });
  expect(parsed(hex("c8 00 00 00"), parseAuth)).toEqual({
    ok: true,
    value: { kind: "AUTH", method: 200, data: new Uint8Array(0) },
  });
});
