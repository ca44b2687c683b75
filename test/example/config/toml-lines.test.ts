/** Keys are found on their lines, whatever TOML has around them. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { parse, stringify } from "smol-toml";
import { type KeyPath, pathText } from "../../../src/config/fault.ts";
import { parseOctetCount } from "../../../src/config/octet-count.ts";
import { keyLines, lineOf } from "../../../src/config/toml-lines.ts";
import { parseDuration } from "../../../src/eroute/duration.ts";

const TEXT = `# egroup = 1
top = "a # no comment [x]"
long = """
[no]
no = 1 \\"""
"""
raw = '''
no = 2'''
after = [ 1, # one
  [2, 3], "]",
  { in = 1, "qu.oted" = [
    7 ] }
]
[table . sub]  # comment
a.b = 'x'
[[list]]
k = { x = { y = 1979-05-27 07:32:00 }, z = "}" }
[list.sub]
m = 1
[[list]]
k = 2\r
[[list.inner]]
n = 3
`;

test("every key has its line: strings, lists, inline tables and headers do not confuse it", () => {
  const lines = keyLines(TEXT);
  const expected: Readonly<Record<string, number>> = {
    top: 2,
    long: 3,
    raw: 7,
    after: 9,
    "after[0]": 9,
    "after[1]": 10,
    "after[1][1]": 10,
    "after[2]": 10,
    "after[3].in": 11,
    'after[3]."qu.oted"[0]': 12,
    "table.sub": 14,
    "table.sub.a.b": 15,
    "list[0]": 16,
    "list[0].k.x.y": 17,
    "list[0].k.z": 17,
    "list[0].sub": 18,
    "list[0].sub.m": 19,
    "list[1]": 20,
    "list[1].k": 21,
    "list[1].inner[0].n": 23,
  };
  for (const [path, line] of Object.entries(expected))
    expect([path, lines.get(path)]).toEqual([path, line]);
  expect(lines.has("no")).toBe(false);
  expect(lines.has("egroup")).toBe(false);
});

test("a missing path has the line of its would-be parent", () => {
  const lines = keyLines(TEXT);
  expect(lineOf(lines, ["list", 1, "missing"])).toBe(20);
  expect(lineOf(lines, ["nowhere"])).toBeUndefined();
});

test("each key that the parser finds has a line, and that line has the key", () => {
  const key = fc.constantFrom("a", "b", "peer-id", "a b", "x_1");
  const text = fc.constantFrom(
    "plain",
    "[not a table]",
    "a = 1",
    "# none",
    '"quoted"',
    "two\nlines",
  );
  const leaf = fc.oneof(text, fc.integer(), fc.boolean(), fc.array(text, { maxLength: 3 }));
  const { table } = fc.letrec<{ table: unknown; value: unknown }>((tie) => ({
    table: fc.dictionary(key, tie("value"), { maxKeys: 4 }),
    value: fc.oneof(
      { maxDepth: 3, depthSize: "small" },
      leaf,
      tie("table"),
      fc.array(tie("table"), { minLength: 1, maxLength: 3 }),
    ),
  }));
  fc.assert(
    fc.property(table, (value) => {
      const written = stringify(value);
      const lines = keyLines(written);
      for (const path of pathsOf(parse(written))) {
        const line = written.split("\n")[(lines.get(pathText(path)) ?? 0) - 1];
        const name = path.findLast((part) => typeof part === "string");
        expect({ written, path, line }).toMatchObject({ line: expect.stringContaining(`${name}`) });
      }
    }),
    { numRuns: 300 },
  );
});

/** Of values and empty tables, but not of the elements of an array of values. */
function pathsOf(value: unknown, path: KeyPath = []): readonly KeyPath[] {
  if (typeof value !== "object" || value === null) return [path];
  if (Array.isArray(value)) {
    const isTables = value.some((element) => typeof element === "object");
    return isTables ? value.flatMap((element, i) => pathsOf(element, [...path, i])) : [path];
  }
  const below = Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, [...path, key]));
  return path.length > 0 && below.length === 0 ? [path] : below;
}

test("text that is not TOML ends the scan, too", () => {
  const pieces = fc.constantFrom(
    "[",
    "]",
    "{",
    "}",
    '"',
    "'",
    '"""',
    "=",
    ".",
    ",",
    "a",
    "\n",
    "#",
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 40 }), (all) => {
      expect(keyLines(all.join("")).size).toBeLessThanOrEqual(400);
    }),
    { numRuns: 500 },
  );
});

test("times are sums of numbers with units", () => {
  expect(parseDuration("500ms")).toBe(500);
  expect(parseDuration("10s")).toBe(10_000);
  expect(parseDuration("1h30m")).toBe(5_400_000);
  expect(parseDuration("2d")).toBe(172_800_000);
  for (const text of ["", "10", "s", "1.5s", "-1s", "1 s", "1w", "1000000000s"]) {
    expect(parseDuration(text)).toBeUndefined();
  }
});

test("amounts of data are in powers of 1000 or 1024", () => {
  expect(parseOctetCount("1000")).toBe(1000n);
  expect(parseOctetCount("12B")).toBe(12n);
  expect(parseOctetCount("500MB")).toBe(500_000_000n);
  expect(parseOctetCount("2 GiB")).toBe(2_147_483_648n);
  expect(parseOctetCount("1kB")).toBe(1000n);
  for (const text of ["", "1M", "MB", "1.5MB", "-1", "1EB"]) {
    expect(parseOctetCount(text)).toBeUndefined();
  }
});
