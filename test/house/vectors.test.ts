/** Known answers come from somewhere, and under a licence: both are named. */

import { expect, test } from "bun:test";
import { join } from "node:path";

const FOLDER = join(import.meta.dir, "../codec/vectors");
const README = await Bun.file(join(FOLDER, "README.md")).text();
const FILES = [...new Bun.Glob("*.json").scanSync({ cwd: FOLDER })].sort();

/** What others have published has a licence; what was recorded here has that of the project. */
const LICENCE = /\(.*(Apache-2\.0|public domain).*\)/;
const RECORDED = /captured|logged|as above/;

test("each file of known answers names its origin", async () => {
  expect(FILES.length).toBeGreaterThan(8);
  for (const file of FILES) {
    const content: { readonly _origin?: string } = await Bun.file(join(FOLDER, file)).json();
    expect([file, (content._origin ?? "").length > 20]).toEqual([file, true]);
  }
});

test("each file of known answers has a row with its licence", () => {
  for (const file of FILES) {
    const row = README.split("\n").find((line) => line.startsWith(`| \`${file}\` |`)) ?? "";
    const origin = row.split("|").at(-2) ?? "";
    const isNamed = LICENCE.test(origin) || RECORDED.test(origin);
    expect([file, isNamed]).toEqual([file, true]);
  }
});
