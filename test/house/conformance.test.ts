/**
 * docs/conformance.md: a requirement that is said to hold names existing tests, by file and title.
 */

import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { sourcesIn, withoutComments } from "./source.ts";

const PROJECT = join(import.meta.dir, "../..");

/** The requirements of RFC 7296, of other RFCs and of IKEv1, each with a row of its own. */
const NUMBERS = [
  ...[...numbered("V2", 84), ...numbered("X", 14)],
  ...[...numbered("V1", 24), ...numbered("NAT", 5), ...numbered("DPD", 3), ...numbered("XC", 5)],
];

/** A shorter part of a title could occur anywhere. */
const TITLE_CHARACTERS_MIN = 12;

type Row = {
  readonly number: string;
  readonly demand: string;
  readonly state: string;
  readonly shownBy: string;
};

type Shown = { readonly file: string; readonly titles: readonly string[] };

const rows = rowsOf(readFileSync(join(PROJECT, "docs/conformance.md"), "utf8"));

test("each requirement has one row, in order", () => {
  expect(rows.map((row) => row.number)).toEqual(NUMBERS);
});

test("each row holds, holds in part, or says why it does not", () => {
  const other = rows.filter(({ state }) => !/^(holds|holds in part: .+|not done: .+)$/.test(state));
  expect(other).toEqual([]);
});

test("a requirement that holds, if only in part, names a test", () => {
  const unproven = rows.filter(({ state, shownBy }) => state.startsWith("holds") && shownBy === "");
  expect(unproven.map((row) => row.number)).toEqual([]);
});

test("each named test exists", () => {
  expect(rows.flatMap(faultsOf)).toEqual([]);
});

test("the check finds faults", () => {
  const row = (shownBy: string): Row => ({ number: "V2-00", demand: "", state: "", shownBy });
  const here = "`house/conformance.test.ts`";
  expect(faultsOf(row(`${here} "each requirement has one row"`))).toEqual([]);
  expect(faultsOf(row(`${here} "a title of nowhere"`))).toHaveLength(1);
  expect(faultsOf(row(`${here} "each"`))).toHaveLength(1);
  expect(faultsOf(row('`house/nowhere.test.ts` "each requirement has one row"'))).toHaveLength(1);
  expect(faultsOf(row(here))).toHaveLength(1);
  expect(faultsOf(row("house/conformance.test.ts, somewhere"))).toHaveLength(1);
  const [open, close] = [["$", "{"].join(""), "}"];
  expect(titlesIn(`test(\`of ${open}a${close} and b\`, () => {})`)).toEqual(["of … and b"]);
  expect(titlesIn('test.each([["x", f(1)]])("$name: %s comes", () => {})')).toEqual(["…: … comes"]);
  expect(titlesIn('test.skip("left out", () => {}); // test("talked of", () => {})')).toEqual([]);
});

/** `V2-01`, `V2-02` and so on. */
function numbered(letters: string, last: number): string[] {
  return Array.from({ length: last }, (_, i) => `${letters}-${String(i + 1).padStart(2, "0")}`);
}

function rowsOf(text: string): readonly Row[] {
  return text
    .split("\n")
    .filter((line) => /^\| [A-Z]\w*-\d+ /.test(line))
    .map((line) => {
      const [number = "", demand = "", state = "", shownBy = "", ...more] = line
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim());
      if (more.length > 0) throw new Error(`${number} has more than four cells`);
      return { number, demand, state, shownBy };
    });
}

/** What is wrong with the tests that a row names. */
function faultsOf({ number, shownBy }: Row): readonly string[] {
  if (shownBy === "") return [];
  const shown = shownOf(shownBy);
  if (shown === undefined) return [`${number}: not \`file\` "title", "title"; \`file\` …`];
  return shown.flatMap(({ file, titles }) => {
    const path = join("test", file);
    if (!existsSync(join(PROJECT, path))) return [`${number}: no file ${path}`];
    if (!isRun(path)) return [`${number}: nothing runs ${path}`];
    const known = titlesIn(readFileSync(join(PROJECT, path), "utf8"));
    return titles.flatMap((title) => {
      if (title.length < TITLE_CHARACTERS_MIN) return [`${number}: "${title}" is too short`];
      const found = known.filter((one) => one.includes(title)).length;
      return found === 1 ? [] : [`${number}: ${found} tests in ${path} for "${title}"`];
    });
  });
}

/** `file` "title", "title"; `file` "title". Undefined if it has another form. */
function shownOf(text: string): readonly Shown[] | undefined {
  const parts = text.split(/; (?=`)/).map((part) => {
    const [, file, titles] = /^`([^`]+)` ("[^"]+"(?:, "[^"]+")*)$/.exec(part) ?? [];
    if (file === undefined || titles === undefined) return undefined;
    return { file, titles: titles.slice(1, -1).split('", "') };
  });
  return parts.every((part) => part !== undefined) ? parts : undefined;
}

/** Files with tests run by their names; a shared one is run by another file of its folder. */
function isRun(path: string): boolean {
  if (/\.(test|guest|namespace)\.ts$/.test(path)) return true;
  return sourcesIn(dirname(path)).some(
    ({ path: other, text }) =>
      /\.(test|guest)\.ts$/.test(other) && text.includes(`"./${basename(path)}"`),
  );
}

/** Titles of the tests in a file; parts that are known only at run time are shown as …. */
function titlesIn(text: string): readonly string[] {
  const call = /(?<![.\w])test(?:\.each\b[\s\S]*?\)|\.skipIf\([^\n]*?\))?\(\s*/;
  const string = /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)/;
  const calls = withoutComments(text).matchAll(new RegExp(call.source + string.source, "g"));
  return [...calls].map(([, quoted = ""]) =>
    quoted
      .slice(1, -1)
      .replaceAll(/\$\{[^}]*\}|\$\w+|%\w/g, "…")
      .replaceAll(/\\(.)/g, "$1"),
  );
}
