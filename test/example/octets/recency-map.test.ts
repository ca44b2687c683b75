/** The map that knows what was used longest ago. */

import { expect, test } from "bun:test";
import { RecencyMap } from "../../../src/octets/recency-map.ts";

test("what was used longest ago goes first", () => {
  const map = new RecencyMap<string, number>();
  for (const [i, key] of ["a", "b", "c", "d"].entries()) map.set(key, i);
  expect(map.use("a")).toBe(0);
  expect(map.get("b")).toBe(1); // not a use
  map.set("b", 10);
  map.delete("d");
  expect(valuesOf(map)).toEqual([2, 0, 10]);
  map.deleteOldest();
  expect([map.size, map.has("c"), map.use("d")]).toEqual([2, false, undefined]);
  map.deleteOldest();
  map.deleteOldest();
  map.deleteOldest();
  expect([map.size, valuesOf(map)]).toEqual([0, []]);
});

test("whatever is done, it is as a map whose entries are deleted and set again", () => {
  const map = new RecencyMap<number, number>();
  const model = new Map<number, number>();
  let state = 7;
  const draw = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return (state >> 8) % below;
  };
  for (let step = 0; step < 5_000; step++) {
    const [kind, key] = [draw(4), draw(12)];
    if (kind === 0) {
      map.delete(key);
      model.delete(key);
    } else if (kind === 1) {
      const value = map.use(key);
      expect(value).toBe(model.get(key));
      model.delete(key);
      if (value !== undefined) model.set(key, value);
    } else {
      map.set(key, step);
      model.delete(key);
      model.set(key, step);
    }
    if (model.size > 8) {
      map.deleteOldest();
      for (const oldest of [...model.keys()].slice(0, 1)) model.delete(oldest);
    }
    expect(valuesOf(map)).toEqual([...model.values()]);
  }
});

/** The newest comes last. */
function valuesOf<Key, Value>(map: RecencyMap<Key, Value>): readonly Value[] {
  const keys = map.oldestKeys(Number.POSITIVE_INFINITY);
  expect(map.keysOf(() => true)).toEqual(keys.toReversed());
  return keys.flatMap((key) => map.get(key) ?? []);
}
