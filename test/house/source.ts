/** The project's own source files, as the checks of the house read them. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

export type SourceFile = {
  /** From the project's top, e.g. `src/wire/header.ts`. */
  readonly path: string;
  readonly text: string;
};

const PROJECT = join(import.meta.dir, "../..");

/** All TypeScript files below a folder of the project, by name. */
export function sourcesIn(folder: string): readonly SourceFile[] {
  return [...new Bun.Glob(`${folder}/**/*.{ts,tsx}`).scanSync({ cwd: PROJECT })]
    .filter((path) => !path.startsWith("build/out/"))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(PROJECT, path), "utf8") }));
}

/** `wire` for `src/wire/payload/sa.ts`; empty for `src/main.ts`. */
export function roomOf(path: string): string {
  return /^src\/([^/]+)\//.exec(path)?.[1] ?? "";
}

/** The code alone: comments blanked out, strings and lines kept. */
export function withoutComments(text: string): string {
  const parts =
    /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/.*/g;
  return text.replace(parts, (whole, string: string | undefined) =>
    string === undefined ? whole.replace(/[^\n]/g, " ") : whole,
  );
}

/** The code alone, with the content of strings blanked out, too. */
export function withoutStrings(code: string): string {
  return code.replace(/"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g, '""');
}

/** What a file imports: `import`, `import type`, `export … from`, `import("…")`, `require`. */
export function importsOf(text: string): readonly string[] {
  const code = withoutComments(text);
  const found = [
    ...code.matchAll(/\b(?:import|export)\b[^"'`;]*?\bfrom\s*["']([^"']+)["']/g),
    ...code.matchAll(/(?<!["'`])\bimport\s*["']([^"']+)["']/g),
    ...code.matchAll(/\b(?:import|require)\s*\(\s*["'`]([^"'`]+)["'`]/g),
  ];
  return found.map((match) => match[1] ?? "");
}

/** By file, the names that are imported from it; `*`: all that it exports. */
export function namesImported(
  text: string,
): readonly { readonly specifier: string; readonly names: readonly string[] }[] {
  const code = withoutComments(text);
  const lists = code.matchAll(/\b(?:import|export)\s+(?:type\s+)?\{([^}]*)\}\s*from\s*"([^"]+)"/g);
  const types = code.matchAll(/\bimport\(\s*"([^"]+)"\s*\)\.(\w+)/g);
  const wholes = code.matchAll(
    /\bimport\(\s*"([^"]+)"\s*\)(?!\.\w)|\*\s+as\s+\w+\s+from\s*"([^"]+)"/g,
  );
  return [
    ...[...lists].map(([, list = "", specifier = ""]) => ({ specifier, names: namesIn(list) })),
    ...[...types].map(([, specifier = "", name = ""]) => ({ specifier, names: [name] })),
    ...[...wholes].map(([, one = "", other = one]) => ({ specifier: other, names: ["*"] })),
  ];
}

/** `a, type B as C` is `a` and `B`. */
function namesIn(list: string): readonly string[] {
  return list.split(",").map(
    (part) =>
      part
        .trim()
        .replace(/^type\s+/, "")
        .split(/\s+as\s+/)[0] ?? "",
  );
}
