/** No import circle, not even of types, so that what a file stands on can be read before it. */

import { expect, test } from "bun:test";
import { dirname, join } from "node:path";
import { importsOf, type SourceFile, sourcesIn } from "./source.ts";

type Graph = ReadonlyMap<string, readonly string[]>;

test("no files import each other, by whatever way round", () => {
  expect(circlesIn(graphOf(sourcesIn("src")))).toEqual([]);
});

test("the check sees circles, of types too", () => {
  const file = (name: string, ...imported: string[]): SourceFile => ({
    path: `src/ike/${name}.ts`,
    text: imported.map((other) => `import type { A } from "./${other}.ts";`).join("\n"),
  });
  const named = (...files: SourceFile[]) => circlesIn(graphOf(files)).map((paths) => paths.length);
  expect(named(file("a", "b"), file("b", "c"), file("c"))).toEqual([]);
  expect(named(file("a", "b"), file("b", "c"), file("c", "a"))).toEqual([3]);
  expect(named(file("a", "b", "c"), file("b", "a"), file("c", "d"), file("d", "c"))).toEqual([
    2, 2,
  ]);
  expect(named(file("a", "a"))).toEqual([1]);
});

function graphOf(sources: readonly SourceFile[]): Graph {
  const paths = new Set(sources.map(({ path }) => path));
  const imported = ({ path, text }: SourceFile) =>
    importsOf(text)
      .map((specifier) => join(dirname(path), specifier))
      .filter((other) => paths.has(other));
  return new Map(sources.map((source) => [source.path, imported(source)]));
}

/** Sets of files that all reach each other (Tarjan's strongly connected components). */
function circlesIn(graph: Graph): readonly (readonly string[])[] {
  const order = new Map<string, number>();
  const open: string[] = [];
  const found: string[][] = [];
  const visit = (path: string): number => {
    let low = order.size;
    order.set(path, low);
    open.push(path);
    for (const next of graph.get(path) ?? []) {
      if (!order.has(next)) low = Math.min(low, visit(next));
      else if (open.includes(next)) low = Math.min(low, order.get(next) ?? low);
    }
    if (low < (order.get(path) ?? 0)) return low;
    const circle = open.splice(open.indexOf(path));
    if (circle.length > 1 || graph.get(path)?.includes(path) === true) found.push(circle.sort());
    return low;
  };
  for (const path of graph.keys()) if (!order.has(path)) visit(path);
  return found;
}
