/** The Key Exchange payload. */

import { expect, test } from "bun:test";
import type { KePayload } from "../../../src/wire/v2/message.ts";
import { emitKe, parseKe } from "../../../src/wire/v2/payload/ke.ts";
import { expectSame, faultOf, parsed } from "./body.ts";
import { hex } from "./hex.ts";

const OCTETS = hex(
  "00 1f", // Key Exchange Method Num: X25519
  "00 00", // RESERVED
  "0a 0b 0c 0d 0e", // Key Exchange Data
);
const KE: KePayload = { kind: "KE", method: 31, data: hex("0a 0b 0c 0d 0e") };

test("a KE payload is read and written", () => {
  expectSame(OCTETS, KE, { parse: parseKe, emit: emitKe });
});

test("a KE payload cut before its data, or without any, is malformed", () => {
  expect(faultOf(OCTETS.subarray(0, 1), parseKe)).toBe("payload: needs 2 octets at 0, has 1");
  expect(faultOf(OCTETS.subarray(0, 3), parseKe)).toBe("payload: needs 2 octets at 2, has 1");
  expect(faultOf(OCTETS.subarray(0, 4), parseKe)).toBe(
    "payload: Key Exchange Data needs at least 1 octet, has 0",
  );
});

test("RESERVED octets of a KE payload are ignored, and unknown methods are kept", () => {
  const odd = hex("ff ff", "ff ff", "01");
  expect(parsed(odd, parseKe)).toEqual({
    ok: true,
    value: { kind: "KE", method: 65535, data: hex("01") },
  });
});

test("the data outlives the datagram", () => {
  const datagram = OCTETS.slice();
  const ke = parsed(datagram, parseKe);
  const before = ke.ok && ke.value.data.slice();
  datagram.fill(0xee);
  expect(ke.ok && ke.value.data).toEqual(before);
});
