/** The Configuration payload. */

import { expect, test } from "bun:test";
import type { CpPayload } from "../../../src/wire/v2/message.ts";
import { CP_ATTRIBUTES_MAX, emitCp, parseCp } from "../../../src/wire/v2/payload/cp.ts";
import { emitted, expectSame, faultOf, parsed } from "./body.ts";
import { hex } from "./hex.ts";

const REQUEST = hex(
  "01", // CFG Type: CFG_REQUEST
  "00 00 00", // RESERVED
  "00 01 00 00", // INTERNAL_IP4_ADDRESS, Length 0
  "00 03 00 04 0a 00 00 35", // INTERNAL_IP4_DNS, Length 4, 10.0.0.53
);
const CP: CpPayload = {
  kind: "CP",
  cfgType: 1,
  attributes: [
    { type: 1, value: new Uint8Array(0) },
    { type: 3, value: hex("0a 00 00 35") },
  ],
};

test("a Configuration payload is read and written", () => {
  expectSame(REQUEST, CP, { parse: parseCp, emit: emitCp });
});

test("a Configuration payload cut inside its head or an attribute is malformed", () => {
  expect(faultOf(REQUEST.subarray(0, 2), parseCp)).toBe("payload: needs 3 octets at 1, has 1");
  expect(faultOf(REQUEST.subarray(0, 7), parseCp)).toBe("payload: needs 2 octets at 6, has 1");
  expect(faultOf(REQUEST.subarray(0, 14), parseCp)).toBe(
    "payload: attribute 2 of type 3: Length 4, but 2 octets are left",
  );
});

test("reserved bits are ignored, unknown attributes are kept, none at all is accepted", () => {
  const reserved = REQUEST.with(2, 0xff).with(4, 0x80);
  expect(parsed(reserved, parseCp)).toEqual({ ok: true, value: CP });
  expect(parsed(hex("01 00 00 00", "7f ff 00 01 aa"), parseCp)).toEqual({
    ok: true,
    value: { kind: "CP", cfgType: 1, attributes: [{ type: 0x7fff, value: hex("aa") }] },
  });
  expect(parsed(hex("04 00 00 00"), parseCp)).toEqual({
    ok: true,
    value: { kind: "CP", cfgType: 4, attributes: [] },
  });
});

test("only so many attributes are read; the rest is skipped", () => {
  const many = (count: number): CpPayload => ({
    kind: "CP",
    cfgType: 1,
    attributes: new Array(count).fill({ type: 1, value: new Uint8Array(0) }),
  });
  const read = parsed(emitted(many(CP_ATTRIBUTES_MAX + 9), emitCp), parseCp);
  expect(read.ok && read.value.attributes.length).toBe(CP_ATTRIBUTES_MAX);
});
