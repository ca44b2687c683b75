/** What a file exports is imported by another: functions, constants and classes. */

import { expect, test } from "bun:test";
import { dirname, join } from "node:path";
import { namesImported, type SourceFile, sourcesIn } from "./source.ts";

const sources = sourcesIn("src");
const others = [...sourcesIn("test"), ...sourcesIn("build")];

test("each export is imported by another file", () => {
  expect(unused(sources, others)).toEqual([]);
});

test("the check sees what it is for", () => {
  const file = (path: string, text: string): SourceFile => ({ path, text });
  const a = file(
    "src/a.ts",
    "export function a() {}\nexport function b() {}\nexport const c = b();",
  );
  const from = (text: string) => unused([a], [file("src/d.ts", text)]);
  expect(from('import { a, b as other } from "./a.ts";')).toEqual(["src/a.ts: c"]);
  expect(from('type B = import("./a.ts").a;\nimport { b, c } from "./a.ts";')).toEqual([]);
  expect(from('import { b, c } from "./e.ts";')).toHaveLength(3);
  expect(from('const all = await import("./a.ts");')).toEqual([]);
});

function unused(files: readonly SourceFile[], more: readonly SourceFile[]): readonly string[] {
  const imported = new Map<string, Set<string>>();
  for (const { path, text } of [...files, ...more]) {
    for (const { specifier, names } of namesImported(text)) {
      const target = join(dirname(path), specifier);
      const known = imported.get(target) ?? new Set();
      for (const name of names) known.add(name);
      imported.set(target, known);
    }
  }
  return files.flatMap(({ path, text }) => {
    const names = imported.get(path);
    return exportsOf(text)
      .filter((name) => names?.has(name) !== true && names?.has("*") !== true)
      .map((name) => `${path}: ${name}`);
  });
}

/** A type says what an exported function takes or returns, so other files may need its name. */
function exportsOf(text: string): readonly string[] {
  const declared = /^export (?:async )?(?:function\*?|const|class) (\w+)/gm;
  return [...text.matchAll(declared)].map(([, name = ""]) => name);
}
