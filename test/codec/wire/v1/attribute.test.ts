/** Attributes: numbers come in both forms. */

import { expect, test } from "bun:test";
import { decode } from "../../../../src/octets/reader.ts";
import { Writer } from "../../../../src/octets/writer.ts";
import {
  attributeNumber,
  attributeOctets,
  emitAttributes,
  numberAttribute,
  parseAttributes,
} from "../../../../src/wire/v1/attribute.ts";

test("a number is the same in both forms and in any length", () => {
  for (const hex of ["80010005", "000100010 5", "0001000200 05", "00010004000000 05"]) {
    const [attribute] = read(hex.replaceAll(" ", ""));
    expect([hex, attribute?.type, numberOf(attribute)]).toEqual([hex, 1, 5]);
  }
  const [long] = read("0001000c000000000000000000015180");
  expect(numberOf(long)).toBe(86_400);
});

test("what is no number is none", () => {
  expect(numberOf(read("00010000")[0])).toBeUndefined();
  expect(numberOf(read("00010008ffffffffffffffff")[0])).toBeUndefined();
  expect(numberOf(read(`00010011${"00".repeat(17)}`)[0])).toBeUndefined();
});

test("our numbers are short if they can be, else four octets", () => {
  expect(written(numberAttribute(12, 65_535))).toBe("800cffff");
  expect(written(numberAttribute(12, 86_400))).toBe("000c000400015180");
  expect(() => numberAttribute(12, 2 ** 32)).toThrow();
});

test("the octets of either form", () => {
  expect(attributeOctets({ type: 1, form: "TV", value: 0x1234 })).toEqual(
    Uint8Array.of(0x12, 0x34),
  );
  expect(attributeOctets({ type: 1, form: "TLV", octets: Uint8Array.of(9) })).toEqual(
    Uint8Array.of(9),
  );
});

test("a length that lies says where", () => {
  const result = decode(Uint8Array.of(0x80, 1, 0, 1, 0, 2, 0, 9, 1), "transform", (r) =>
    parseAttributes(r, 9),
  );
  expect(result.ok ? "" : result.error.detail).toBe(
    "attribute 2 of type 2: Attribute Length 9, but 1 octets are left",
  );
});

function read(hex: string) {
  const result = decode(Uint8Array.fromHex(hex), "transform", (r) => parseAttributes(r, 9));
  if (!result.ok) throw new Error(result.error.detail);
  return result.value;
}

function numberOf(attribute: ReturnType<typeof read>[number] | undefined) {
  return attribute === undefined ? undefined : attributeNumber(attribute);
}

function written(attribute: ReturnType<typeof read>[number]): string {
  const w = new Writer();
  emitAttributes(w, [attribute]);
  return w.done().toHex();
}
