/** The Vendor ID payload. */

import { expect, test } from "bun:test";
import { emitVendorId, parseVendorId } from "../../../src/wire/v2/payload/vendor-id.ts";
import { expectSame, parsed } from "./body.ts";
import { hex } from "./hex.ts";

const CODEC = { parse: parseVendorId, emit: emitVendorId };

test("a Vendor ID is read and written", () => {
  const octets = hex("af ca d7 13 68 a1 f1 c9"); // VID
  expectSame(octets, { kind: "VENDOR", data: octets }, CODEC);
});

test("V2-79: any Vendor ID is accepted, also an empty one", () => {
  const none = new Uint8Array(0);
  expectSame(none, { kind: "VENDOR", data: none }, CODEC);
});

test("a Vendor ID is not text: octets stay as they are", () => {
  const vendor = parsed(hex("00 ff 0a"), parseVendorId);
  expect(vendor).toEqual({ ok: true, value: { kind: "VENDOR", data: hex("00 ff 0a") } });
});
