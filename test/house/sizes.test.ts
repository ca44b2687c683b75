/** Sizes and forms that the style guide requires and Biome does not check. */

import { expect, test } from "bun:test";
import { type SourceFile, sourcesIn } from "./source.ts";

/** Beyond the first number a file says in its head why it is long; the second is the limit. */
const FILE_LINES_UNEXPLAINED_MAX = 400;
const FILE_LINES_MAX = 600;
const LINE_COLUMNS_MAX = 100;

const sources = [...sourcesIn("src"), ...sourcesIn("test"), ...sourcesIn("build")];

test(`a file has at most ${FILE_LINES_UNEXPLAINED_MAX} lines, or says why in its head`, () => {
  const long = sources.filter((source) => lineCount(source) > FILE_LINES_UNEXPLAINED_MAX);
  const unexplained = long.filter((source) => !/\blong because\b/i.test(head(source)));
  expect(unexplained.map(described)).toEqual([]);
});

test(`no file has more than ${FILE_LINES_MAX} lines`, () => {
  expect(sources.filter((source) => lineCount(source) > FILE_LINES_MAX).map(described)).toEqual([]);
});

test(`no line has more than ${LINE_COLUMNS_MAX} columns`, () => {
  const wide = sources.flatMap((source) =>
    source.text
      .split("\n")
      .map((line, index) => ({ columns: [...line].length, at: `${source.path}:${index + 1}` }))
      .filter((line) => line.columns > LINE_COLUMNS_MAX),
  );
  expect(wide).toEqual([]);
});

test("each file starts with a comment that says what it is", () => {
  const without = sources.filter((source) => !/^(#!.*\n)?\/\*\*/.test(source.text));
  expect(without.map((source) => source.path)).toEqual([]);
});

test("no type error is silenced", () => {
  const silenced = sources.filter((source) => SILENCED.test(source.text));
  expect(silenced.map((source) => source.path)).toEqual([]);
});

/** Written so that this file does not find itself. */
const SILENCED = /@ts-[in]\w+/;

function lineCount(source: SourceFile): number {
  return source.text.split("\n").length - 1;
}

function head(source: SourceFile): string {
  return /^(?:#!.*\n)?\/\*\*[\s\S]*?\*\//.exec(source.text)?.[0] ?? "";
}

function described(source: SourceFile): string {
  return `${source.path}: ${lineCount(source)} lines`;
}

test("no object literal is spread into another: its properties are written directly", () => {
  const written = /\.\.\.\{/;
  const spread = sources.filter(({ path, text }) => path.startsWith("src/") && written.test(text));
  expect(spread.map((source) => source.path)).toEqual([]);
});
