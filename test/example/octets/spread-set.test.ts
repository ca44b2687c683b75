/** A set of many strings in small parts. */

import { expect, test } from "bun:test";
import { SpreadSet } from "../../../src/octets/spread-set.ts";

test("it holds what was added, once, and nothing else", () => {
  const set = new SpreadSet();
  const names = Array.from({ length: 5_000 }, (_, i) => `192.0.2.1 ${i}`);
  for (const name of [...names, ...names]) set.add(name);
  expect(set.size).toBe(names.length);
  expect([...set].sort()).toEqual(names.sort());
  expect(names.every((name) => set.has(name))).toBe(true);
  expect([set.has(""), set.has("192.0.2.1 5000")]).toEqual([false, false]);
});
