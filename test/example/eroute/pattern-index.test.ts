/** Patterns found by their ends, compared with a walk over all of them. */

import { expect, test } from "bun:test";
import { commonId, coversPattern } from "../../../src/eroute/overlap.ts";
import { matchesPattern, type Pattern } from "../../../src/eroute/pattern.ts";
import {
  createPatternIndex,
  type PatternIndex,
  putPattern,
  valuesFor,
  valuesMeeting,
  valuesOver,
} from "../../../src/eroute/pattern-index.ts";
import { createPrng } from "../../simulation/prng.ts";

test("no pattern is missed, whatever stands where", () => {
  const prng = createPrng(11);
  const drawn = (symbols: string): Pattern => {
    const length = 1 + (prng.u32() % 5);
    const text = Array.from({ length }, () => symbols[prng.u32() % symbols.length]).join("");
    return { text };
  };
  const patterns = Array.from({ length: 300 }, () => drawn("abB*?*"));
  const index = indexOf(patterns);
  const places = (is: (one: Pattern) => boolean) =>
    patterns.flatMap((one, place) => (is(one) ? [place] : []));
  for (const [place, pattern] of patterns.entries()) {
    const over = new Set(valuesOver(index, pattern));
    for (const at of places((one) => coversPattern(one, pattern))) expect(over).toContain(at);
    const id = drawn("abA").text;
    const matching = new Set(valuesFor(index, id));
    for (const at of places((one) => matchesPattern(one, id))) expect(matching).toContain(at);
    const meeting = new Set(valuesMeeting(index, pattern));
    for (const at of places((one) => commonId(one, pattern) !== undefined)) {
      const other = patterns[at] ?? pattern;
      expect(meeting.has(at) || [...valuesMeeting(index, other)].includes(place)).toBe(true);
    }
  }
});

test("of thousands of patterns with other ends, none is compared with another", () => {
  const forms = [
    (n: number) => `site-${n}-*`,
    (n: number) => `*.fleet-${n}.example`,
    (n: number) => `site-*-${n}x`,
    (n: number) => `lab-${n}`,
  ];
  for (const form of forms) {
    const patterns = Array.from({ length: 3_000 }, (_, n) => ({ text: form(n) }));
    const index = indexOf(patterns);
    let found = 0;
    for (const pattern of patterns) {
      for (const _ of valuesMeeting(index, pattern)) found++;
      for (const _ of valuesOver(index, pattern)) found++;
    }
    // Each finds itself, twice, and a few find those whose ends are longer: `2x` and `12x`.
    expect(found).toBeLessThanOrEqual(patterns.length * 10);
  }
});

function indexOf(patterns: readonly Pattern[]): PatternIndex<number> {
  const index = createPatternIndex<number>();
  for (const [place, pattern] of patterns.entries()) putPattern(index, pattern, place);
  return index;
}
