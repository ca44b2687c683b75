/** Keys in columns: what is appended is found and read again, and hashes are not foreseen. */

import { expect, test } from "bun:test";
import { seededTextKeys, textKeys } from "../../../src/octets/key-column.ts";
import { createPrng } from "../../simulation/prng.ts";

test("texts are read as they were appended, and are no other's", () => {
  const long = "x".repeat(70_000);
  const alike = [
    "",
    "\u0000",
    "a",
    "\u0061\u0062",
    "ab\u0000",
    "\u6162",
    "ü",
    "üb",
    "\u00fcb\u00fc",
  ];
  const texts = [
    ...alike,
    "\ud800",
    "\udc00\ud800",
    "\uffff",
    "\ufeffa",
    "a\ufeff",
    long,
    `${long}ü`,
  ];
  const [column, other] = [textKeys(texts.length), textKeys(texts.length)];
  for (const text of texts) column.append(text);
  for (const row of texts.keys()) other.appendFrom(column, row);
  const different = [...new Set(texts)];
  for (const [row, text] of texts.entries()) {
    expect([column.at(row) === text, other.at(row) === text]).toEqual([true, true]);
    const equal = different.filter((one) => column.isAt(row, one) && other.isAt(row, one));
    expect(equal.length === 1 && equal[0] === text).toBeTrue();
  }
});

test("texts with one hash have different ones under another seed", () => {
  const [known, another] = [seededTextKeys(1)(1), seededTextKeys(2)(1)];
  const random = createPrng(3);
  const byHash = new Map<number, string>();
  let pairs = 0;
  for (let n = 0; n < 300_000; n++) {
    const text = `site-${random.u32().toString(36)}`;
    const hash = known.hashOf(text);
    const before = byHash.get(hash);
    byHash.set(hash, text);
    if (before === undefined || before === text) continue;
    pairs++;
    expect(another.hashOf(before)).not.toBe(another.hashOf(text));
  }
  expect(pairs).toBeGreaterThan(0);
});

test("texts whose characters overlap in pairs have hashes of their own", () => {
  const column = textKeys(1);
  const hashes = new Set<number>();
  // The lower octet of each first character, and the upper one of the second, cancel out.
  for (let n = 0; n < 0x1_0000; n++) {
    const [a, b] = [n >>> 8, n & 0xff];
    hashes.add(column.hashOf(String.fromCharCode(a, a << 8, b, b << 8)));
  }
  expect(hashes.size).toBeGreaterThan(0xff00);
});

test("no difference of two characters is made up for by the next, whatever the seed is", () => {
  const columns = Array.from({ length: 16 }, (_, n) =>
    seededTextKeys(Math.imul(n, 0x9e37_79b1))(1),
  );
  const bits = [...Array(16).keys()].map((bit) => 1 << bit);
  const changes = [0, ...bits, ...bits.flatMap((bit) => (bit === 1 ? [] : [bit | 1]))];
  const text = (...codes: readonly number[]) => String.fromCharCode(...codes);
  for (const one of bits) {
    for (const next of changes) {
      for (const last of changes) {
        const [a, b] = [
          text(0x4e00, 0x4e00, 0x4e00),
          text(0x4e00 ^ one, 0x4e00 ^ next, 0x4e00 ^ last),
        ];
        const [four, other] = [`${a}\u4e00`, `${b}\u4e00`];
        const same = columns.filter((column) => column.hashOf(four) === column.hashOf(other));
        expect(same.length).toBeLessThan(columns.length / 2);
      }
    }
  }
});
