/** The owners of the concentrator's state: each folder keeps its own to itself. */

import { expect, test } from "bun:test";
import { importsOf, namesImported, type SourceFile, sourcesIn, withoutComments } from "./source.ts";

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
  dataplane: ["journal", "sites"],
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

test("only the negotiation sees an IKE SA: the other owners know what it tells of one", () => {
  expect(sources.flatMap(looksAtIkeSa)).toEqual([]);
  const looks = (folder: string, text: string) =>
    looksAtIkeSa({ path: `${ROOM}${folder}/bad.ts`, text }).length;
  expect(looks("sites", 'import { factsOf } from "../../ike/ike-sa.ts";')).toBe(1);
  expect(looks("calls", 'import type { IkeEffect, IkeSa } from "../../ike/ike-sa.ts";')).toBe(1);
  expect(looks("calls", 'import { beginCall } from "../../ike/door.ts";')).toBe(1);
  expect(looks("dataplane", 'import type { Entry } from "../negotiation/entry.ts";')).toBe(1);
  expect(looks("journal", 'import { entryAt } from "../negotiation/ike-sas.ts";')).toBe(1);
  expect(looks("sites", 'import type { IkeEffect } from "../../ike/ike-sa.ts";')).toBe(0);
  expect(looks("sites", 'import { nameEroute } from "../negotiation/ike-sas.ts";')).toBe(0);
  expect(looks("sites", 'import type { Stand } from "../negotiation/stand.ts";')).toBe(0);
});

test("the negotiation knows of no other owner, not even a type", () => {
  expect(sources.flatMap(knownToNegotiation)).toEqual([]);
  const known = (text: string) =>
    knownToNegotiation({ path: `${ROOM}negotiation/bad.ts`, text }).length;
  expect(known('import type { ErouteInUse } from "../sites/eroute-in-use.ts";')).toBe(1);
  expect(known('import type { CallId } from "../calls/calls.ts";')).toBe(1);
  expect(known('import type { About } from "../journal/about.ts";')).toBe(0);
});

/** What the other owners may take of the negotiation, and of the two doors to IKE SAs. */
const MAY_TAKE: Readonly<Record<string, readonly string[]>> = {
  "../../ike/ike-sa.ts": ["IkeEffect"],
  "../../ike/door.ts": [],
  "../negotiation/stand.ts": ["Stand"],
  "../negotiation/entry.ts": [],
  "../negotiation/ike-sas.ts": ["nameEroute", "namePeer"],
  "../negotiation/begin.ts": ["begin"],
  "../negotiation/offer.ts": ["offer", "offerOf"],
  "../negotiation/send-on.ts": ["sendStrangersTo"],
};

function looksAtIkeSa({ path, text }: SourceFile): string[] {
  const [folder = "", file] = path.slice(ROOM.length).split("/");
  // What has no list of its own stands above the owners.
  if (file === undefined || folder === "negotiation" || CALLS[folder] === undefined) return [];
  return namesImported(withoutComments(text)).flatMap(({ specifier, names }) => {
    const may = MAY_TAKE[specifier];
    if (may === undefined && !specifier.startsWith("../negotiation/")) return [];
    const foreign = names.filter((name) => may?.includes(name) !== true);
    return foreign.map((name) => `${path}: ${name} of ${specifier}`);
  });
}

function knownToNegotiation({ path, text }: SourceFile): string[] {
  if (!path.startsWith(`${ROOM}negotiation/`)) return [];
  const others = importsOf(withoutComments(text)).filter((specifier) =>
    ["../sites/", "../calls/", "../dataplane/"].some((owner) => specifier.startsWith(owner)),
  );
  return others.map((specifier) => `${path}: ${specifier}`);
}

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
const GROUND = [
  "ask",
  "changes",
  "deadline-heap",
  "engine",
  "plain-peer-id",
  "precedence",
  "rate",
  "requests",
  "resting",
];

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
