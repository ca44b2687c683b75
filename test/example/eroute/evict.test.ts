/** Which dynamic eroutes go so that a new site finds a place (R7). */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { chooseEvictions, evictionCount } from "../../../src/eroute/evict.ts";

test("R7: nothing goes while at least 10 % are free", () => {
  expect(evictionCount(100, 90, 10)).toBe(0);
  expect(evictionCount(100, 91, 10)).toBe(1);
  expect(evictionCount(100, 100, 10)).toBe(10);
  expect(evictionCount(1, 1, 10)).toBe(1);
});

test("R7: the oldest go, and those that are spared stay", () => {
  const limits = { dynamicEroutesMax: 10, evictBelowFreePercent: 30 };
  const names = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
  expect(chooseEvictions(names, limits)).toEqual(["a", "b"]);
  expect(chooseEvictions(names, limits, (name) => name === "a")).toEqual(["b", "c"]);
  expect(chooseEvictions(names, limits, () => true)).toEqual([]);
});

test("R7: afterwards enough are free, with one fewer they would not be", () => {
  const cases = fc
    .tuple(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 0, max: 99 }))
    .chain(([max, percent]) => fc.tuple(fc.constant(max), fc.nat(max), fc.constant(percent)));
  fc.assert(
    fc.property(cases, ([max, used, percent]) => {
      const count = evictionCount(max, used, percent);
      const freePercent = (evicted: number) => ((max - used + evicted) * 100) / max;
      expect(freePercent(count)).toBeGreaterThanOrEqual(percent);
      if (count > 0) expect(freePercent(count - 1)).toBeLessThan(percent);
    }),
    { numRuns: 2000 },
  );
});

test("R7: what goes is a beginning of the order of creation", () => {
  fc.assert(
    fc.property(fc.nat(200), fc.nat(99), (used, percent) => {
      const entries = Array.from({ length: used }, (_, i) => i);
      const limits = { dynamicEroutesMax: Math.max(1, used), evictBelowFreePercent: percent };
      const chosen = chooseEvictions(entries, limits);
      expect(chosen).toEqual(entries.slice(0, chosen.length));
      expect(chosen).toHaveLength(evictionCount(limits.dynamicEroutesMax, used, percent));
    }),
  );
});
