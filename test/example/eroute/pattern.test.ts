/** Peer ID patterns: matching (R1), and what two patterns have in common (R11). */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { commonId, coversPattern } from "../../../src/eroute/overlap.ts";
import { matchesPattern, type Pattern, parsePattern } from "../../../src/eroute/pattern.ts";

/** Microseconds of processor time: a busy machine does not change it much. */
const CPU_US_MAX = 1_000_000;

function pattern(text: string): Pattern {
  const parsed = parsePattern(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
}

function matches(text: string, id: string): boolean {
  return matchesPattern(pattern(text), id);
}

/** The meaning of a pattern, computed the slow way. */
function expression({ text }: Pattern): RegExp {
  const literal = text.replace(/[.+^${}()|[\]\\/]/g, "\\$&");
  return new RegExp(`^${literal.replaceAll("*", "[^]*").replaceAll("?", "[^]")}$`, "u");
}

const symbols = (...of: readonly string[]) =>
  fc.array(fc.constantFrom(...of), { minLength: 1, maxLength: 8 }).map((all) => all.join(""));
const patterns = symbols("a", "b", "*", "?").map(pattern);
const ids = symbols("a", "b", "c");

describe("R1: pattern", () => {
  test("R1: * is any run of characters or none", () => {
    expect(matches("site-*", "site-")).toBe(true);
    expect(matches("site-*", "site-4711")).toBe(true);
    expect(matches("*.example", "gw.north.example")).toBe(true);
    expect(matches("site-*", "sit-4711")).toBe(false);
    expect(matches("*", "")).toBe(true);
  });

  test("R1: ? is exactly one character, of any plane", () => {
    expect(matches("site-?", "site-1")).toBe(true);
    expect(matches("site-?", "site-")).toBe(false);
    expect(matches("site-?", "site-11")).toBe(false);
    expect(matches("?", "\u{1F6F0}")).toBe(true);
    expect(matches("??", "\u{1F6F0}")).toBe(false);
    expect(matches("*?", "\u{1F6F0}")).toBe(true);
  });

  test("R1: ASCII letters match in either case, others do not", () => {
    expect(matches("Site-*", "sITE-1")).toBe(true);
    expect(matches("münchen", "MÜNCHEN")).toBe(false);
    expect(matches("münchen", "MüNCHEN")).toBe(true);
    expect(matches("[", "{")).toBe(false);
  });

  test("R1: an ID of more than 255 characters matches nothing", () => {
    expect(matches("*", "a".repeat(255))).toBe(true);
    expect(matches("*", "a".repeat(256))).toBe(false);
  });

  test("R1: a pattern says what a regular expression would", () => {
    fc.assert(
      fc.property(patterns, ids, (p, id) => {
        expect(matchesPattern(p, id)).toBe(expression(p).test(id));
      }),
      { numRuns: 2000 },
    );
  });

  test("R1: a hostile ID costs no more than pattern length times ID length", () => {
    const started = process.cpuUsage();
    for (let i = 0; i < 100; i++) {
      expect(matches(`${"*a".repeat(120)}b`, "a".repeat(255))).toBe(false);
    }
    expect(process.cpuUsage(started).user).toBeLessThan(CPU_US_MAX);
  });

  test("an empty, overlong or unprintable pattern is refused with the reason", () => {
    expect(parsePattern("")).toEqual({ ok: false, error: "is empty" });
    expect(parsePattern("a".repeat(256))).toMatchObject({ ok: false });
    expect(parsePattern("site\n")).toEqual({ ok: false, error: "holds a control character" });
  });
});

describe("R11: common ID", () => {
  const common = (a: string, b: string) => commonId(pattern(a), pattern(b));

  test("R11: it is the shortest ID that both patterns match", () => {
    expect(common("site-*", "*-1")).toBe("site-1");
    expect(common("site-*", "site-?")).toBe("site-a");
    expect(common("SITE-1", "site-1")).toBe("SITE-1");
    expect(common("*", "*")).toBe("a");
    expect(common("a?c", "?b?")).toBe("abc");
  });

  test("R11: patterns without an ID in common have none", () => {
    expect(common("north-*", "south-*")).toBeUndefined();
    expect(common("?", "??")).toBeUndefined();
    expect(common("*a", "*b")).toBeUndefined();
  });

  test("R11: an ID longer than the limit does not count", () => {
    expect(common(`${"x".repeat(200)}*`, `*${"y".repeat(200)}`)).toBeUndefined();
    expect(common(`${"x".repeat(100)}*`, `*${"y".repeat(100)}`)).toHaveLength(200);
  });

  test("R11: two patterns of 255 characters do not take long", () => {
    const started = process.cpuUsage();
    expect(common("*a".repeat(127), "a*".repeat(127))).toHaveLength(127);
    expect(process.cpuUsage(started).user).toBeLessThan(CPU_US_MAX);
  });

  test("R11: what is found is matched by both", () => {
    fc.assert(
      fc.property(patterns, patterns, (a, b) => {
        const id = commonId(a, b);
        if (id === undefined) return;
        expect(matchesPattern(a, id)).toBe(true);
        expect(matchesPattern(b, id)).toBe(true);
        expect(commonId(b, a)).toHaveLength(id.length);
      }),
      { numRuns: 2000 },
    );
  });

  test("R11: if some ID matches both, one at most as long is found", () => {
    const sources = fc.tuple(patterns, patterns, ids);
    fc.assert(
      fc.property(sources, ([a, b, id]) => {
        fc.pre(matchesPattern(a, id) && matchesPattern(b, id));
        const found = commonId(a, b);
        expect(found).toBeDefined();
        expect(found?.length).toBeLessThanOrEqual(id.length);
      }),
      { numRuns: 300 },
    );
  });
});

describe("covering", () => {
  const covers = (outer: string, inner: string) => coversPattern(pattern(outer), pattern(inner));

  test("a pattern covers those whose IDs are all its own", () => {
    expect(covers("*", "site-?")).toBe(true);
    expect(covers("site-*", "SITE-north-*")).toBe(true);
    expect(covers("lab-gw", "lab-gw")).toBe(true);
    expect(covers("site-?", "site-*")).toBe(false);
    expect(covers("site-*", "*")).toBe(false);
  });

  test("no ID of the covered pattern escapes the covering one", () => {
    fc.assert(
      fc.property(patterns, patterns, ids, (outer, inner, id) => {
        if (!coversPattern(outer, inner) || !matchesPattern(inner, id)) return;
        expect(matchesPattern(outer, id)).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });
});
