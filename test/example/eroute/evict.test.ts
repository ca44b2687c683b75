/** How many dynamic eroutes go so that a new site finds a place (R7). */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { evictionCount } from "../../../src/eroute/evict.ts";

test("R7: nothing is removed while at least 10 % are free", () => {
  expect(evictionCount(100, 90, 10)).toBe(0);
  expect(evictionCount(100, 91, 10)).toBe(1);
  expect(evictionCount(100, 100, 10)).toBe(10);
  expect(evictionCount(1, 1, 10)).toBe(1);
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
