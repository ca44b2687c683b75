/** The owners of the concentrator's state: each folder keeps its own to itself. */

import { expect, test } from "bun:test";
import { type SourceFile, sourcesIn, withoutComments } from "./source.ts";

const ROOM = "src/concentrator/";

/** By field of the engine: the folder whose files may look into it. */
const OWNERS: Readonly<Record<string, string>> = {
  negotiation: "negotiation/",
  sites: "sites/",
  calls: "calls/",
  dataplane: "dataplane/",
  notes: "journal/",
};

/** Where the engine is declared, and put together. */
const ASSEMBLY = ["engine.ts", "create-engine.ts"];

const sources = sourcesIn("src").filter(({ path }) => path.startsWith(ROOM));

test("what an owner keeps is read and written in its own folder only", () => {
  expect(sources.flatMap(foreignLooks)).toEqual([]);
});

test("the check sees every way to look into an owner", () => {
  const looks = (text: string) => foreignLooks({ path: `${ROOM}calls/bad.ts`, text }).length;
  expect(looks("const sa = engine.negotiation.sas.get(spi);")).toBe(1);
  expect(looks("engine.sites.eroutes.delete(key);")).toBe(1);
  expect(looks("engine\n    .dataplane.installed.size")).toBe(1);
  expect(looks("const { dataplane } = engine;")).toBe(1);
  expect(looks("const { now, sites: theirs } = engine;")).toBe(1);
  expect(looks("function at({ negotiation }: Engine, spi: IkeSpi) {}")).toBe(1);
  expect(looks("type Sas = Engine['negotiation'];")).toBe(1);
  expect(looks("const { byId } = engine.calls;")).toBe(0);
  expect(looks("// engine.sites is not ours")).toBe(0);
  expect(looks('import { erouteAt } from "../sites/eroutes.ts";')).toBe(0);
});

/** Whose functions the files of a folder may call; types may be known everywhere. */
const CALLS: Readonly<Record<string, readonly string[]>> = {
  journal: [],
  // It tells the sites, the calls and the kernel nothing: what its IKE SAs want goes up as effects.
  negotiation: ["journal"],
  sites: ["journal", "negotiation", "calls", "dataplane"],
  calls: ["journal", "negotiation", "sites"],
  dataplane: ["journal", "negotiation", "sites"],
};

test("no folder calls functions of one that it may not know", () => {
  expect(sources.flatMap(foreignCalls)).toEqual([]);
  const calls = (text: string) => foreignCalls({ path: `${ROOM}negotiation/bad.ts`, text }).length;
  expect(calls('import { identify } from "../sites/look-up.ts";')).toBe(1);
  expect(calls('import {\n  type A,\n  b,\n} from "../calls/calls.ts";')).toBe(1);
  expect(calls('import { start } from "../drive.ts";')).toBe(1);
  expect(calls('import type { ErouteInUse } from "../sites/eroute-in-use.ts";')).toBe(0);
  expect(calls('import { journal } from "../journal/write.ts";')).toBe(0);
  expect(calls('import { count } from "../engine.ts";')).toBe(0);
});

function foreignLooks({ path, text }: SourceFile): string[] {
  const place = path.slice(ROOM.length);
  if (ASSEMBLY.includes(place)) return [];
  const code = withoutComments(text);
  const foreign = Object.keys(OWNERS).filter((field) => !place.startsWith(OWNERS[field] ?? "?"));
  return foreign.flatMap((field) => {
    const ways = [
      new RegExp(`\\bengine\\(?\\)?\\s*\\.\\s*${field}\\b`, "g"),
      new RegExp(`\\bEngine\\[["']${field}["']\\]`, "g"),
      new RegExp(`\\{[^{}]*\\b${field}\\b[^{}]*\\}\\s*(?::\\s*Engine\\b|=\\s*engine\\b)`, "g"),
    ];
    const found = ways.flatMap((way) => [...code.matchAll(way)]);
    return found.map(([words]) => `${path}: looks into ${field}: ${words}`);
  });
}

/** Above the owners, but known to all of them. */
const GROUND = ["engine", "requests", "rate", "deadline-heap", "precedence"];

function foreignCalls({ path, text }: SourceFile): string[] {
  const own = path.slice(ROOM.length).split("/");
  const may = own.length < 2 ? undefined : CALLS[own[0] ?? ""];
  if (may === undefined) return [];
  const imports = withoutComments(text).matchAll(
    /import (type )?[^"]*? from "\.\.\/([^".][^"]*)"/g,
  );
  return [...imports].flatMap(([words, isType, to = ""]) => {
    const [folder = "", file] = to.replace(/\.ts$/, "").split("/");
    const isFine = file === undefined ? GROUND.includes(folder) : may.includes(folder);
    return isType !== undefined || isFine ? [] : [`${path}: ${words}`];
  });
}
