/** docs/architecture.md: the files that it names are there. */

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { sourcesIn } from "./source.ts";

const PAGE = join(import.meta.dir, "../../docs/architecture.md");

test("each file that docs/architecture.md names exists", () => {
  const paths = ["src", "test"].flatMap((folder) => sourcesIn(folder)).map(({ path }) => path);
  expect(missingFrom(paths, readFileSync(PAGE, "utf8"))).toEqual([]);
});

test("the check sees what it is for", () => {
  const paths = ["src/ike/v2/window.ts", "src/concentrator/dataplane/plain-child.ts"];
  expect(
    missingFrom(paths, "`v2/window.ts`, `window.ts` and `plain-*.ts`, but `handle(event)`"),
  ).toEqual([]);
  expect(missingFrom(paths, "`v1/window.ts`, `indow.ts`")).toEqual(["v1/window.ts", "indow.ts"]);
});

/** Names between backticks, as the end of a path; `*` stands for a part of a name. */
function missingFrom(paths: readonly string[], page: string): readonly string[] {
  const named = [...page.matchAll(/`([\w./*-]+\.tsx?)`/g)].map(([, name = ""]) => name);
  return named.filter((name) => {
    const wanted = name.replaceAll(".", "\\.").replaceAll("*", "[^/]*");
    return !paths.some((path) => new RegExp(`(^|/)${wanted}$`).test(path));
  });
}
