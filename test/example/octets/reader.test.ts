/** What a reader gives outlives the octets that it reads. */

import { expect, test } from "bun:test";
import { Reader } from "../../../src/octets/reader.ts";

const octets = () => Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);

test("octets, the rest, what was read and the whole are copies", () => {
  const source = octets();
  const r = new Reader(source, "test", 1);
  const { at } = r;
  expect(r.peek()).toBe(2);
  const given = [r.octets(2), r.since(at), r.whole(), r.rest()];
  expect(r.peek()).toBeUndefined();
  source.fill(0xee);
  expect(given.map((one) => [...one])).toEqual([
    [2, 3],
    [2, 3],
    [2, 3, 4, 5, 6, 7, 8, 9, 10],
    [4, 5, 6, 7, 8, 9, 10],
  ]);
});

test("a reader of a part knows only that part", () => {
  const r = new Reader(octets(), "test");
  r.skip(2);
  const sub = r.sub(3, "part");
  expect(sub.u8()).toBe(3);
  expect([...sub.since(0)]).toEqual([3]);
  expect([...sub.whole()]).toEqual([3, 4, 5]);
  expect([...sub.rest()]).toEqual([4, 5]);
  expect(() => sub.u8()).toThrow();
  expect(r.u8()).toBe(6);
});

test("64 bits come whole", () => {
  const r = new Reader(Uint8Array.of(0xff, 2, 3, 4, 0x85, 6, 7, 8), "test");
  expect(r.u64()).toBe(0xff02030485060708n);
});
