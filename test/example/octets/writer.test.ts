/** The Writer: whatever is appended is there, however often its buffer grows. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { Reader } from "../../../src/octets/reader.ts";
import { Writer } from "../../../src/octets/writer.ts";

test("numbers and octets survive a buffer that has to grow at every step", () => {
  const w = new Writer(1);
  w.u8(0x01).u16(0x0203).u32(0x0405_0607).u64(0x0809_0a0b_0c0d_0e0fn);
  w.octets(Uint8Array.of(0x10, 0x11)).zeros(3).u8(0x12);
  expect(w.done().toHex()).toBe("0102030405060708090a0b0c0d0e0f101100000012");
});

test("a patched length is read back from where it was put", () => {
  const w = new Writer(2).u16(0).octets(new Uint8Array(600));
  w.patchU16(0, w.length);
  expect(new Reader(w.done(), "test").u16()).toBe(602);
});

test("any run of octets comes out as it went in", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 700 })), (parts) => {
      const w = new Writer(16);
      for (const part of parts) w.octets(part);
      expect(w.done().toHex()).toBe(parts.map((part) => part.toHex()).join(""));
    }),
  );
});
