/** The seam between versions of IKE: what stands above it never asks which one an IKE SA is of. */

import { expect, test } from "bun:test";
import { dirname, join } from "node:path";
import {
  importsOf,
  roomOf,
  type SourceFile,
  sourcesIn,
  withoutComments,
  withoutStrings,
} from "./source.ts";

const sources = sourcesIn("src");

/** The files of the room that the others call: they know the versions. */
const DOORS = ["src/ike/ike-sa.ts", "src/ike/door.ts"];

test("no room but ike itself imports a version of IKE", () => {
  expect(sources.flatMap(versionImports)).toEqual([]);
});

test("a version does not know the doors through which it is called", () => {
  const inside = sources.filter(({ path }) => /^src\/ike\/v\d\//.test(path));
  const wrong = inside.filter((file) => targetsOf(file).some((target) => DOORS.includes(target)));
  expect(wrong.map(({ path }) => path)).toEqual([]);
});

test("the concentrator reads facts of an IKE SA, and no field", () => {
  const concentrator = sources.filter(({ path }) => roomOf(path) === "concentrator");
  expect(concentrator.flatMap(looksInside)).toEqual([]);
});

test("message IDs come from a window or a message: no file writes one as a number", () => {
  const wrong = sources.filter(({ path, text }) => {
    return roomOf(path) === "ike" && WRITTEN_ID.test(withoutComments(text));
  });
  expect(wrong.map(({ path }) => path)).toEqual([]);
  expect(WRITTEN_ID.test("const messageId = 1;")).toBe(true);
  expect(WRITTEN_ID.test("if (header.messageId !== 2) return;")).toBe(true);
});

const WRITTEN_ID = /\b(?:messageId|nextId)(?::| =| [!=]==) \d/;

test("the checks see what they are for", () => {
  const file = (text: string) => ({ path: "src/concentrator/bad.ts", text });
  expect(versionImports(file('import { a } from "../ike/v2/phase.ts";'))).toHaveLength(1);
  expect(versionImports(file('import type { a } from "../wire/v2/message.ts";'))).toHaveLength(1);
  expect(versionImports(file('import { a } from "../ike/ike-sa.ts";'))).toEqual([]);
  expect(looksInside(file("const a = entry.sa.phase;"))).toHaveLength(1);
  expect(looksInside(file('if (sa?.serving !== undefined) return "sa.phase";'))).toHaveLength(1);
  expect(looksInside(file("const { phase } = entry.sa;"))).toHaveLength(1);
  expect(looksInside(file("const stage = stageOf(entry.sa); // sa.phase"))).toEqual([]);
});

function versionImports(file: SourceFile): string[] {
  if (["ike", "wire"].includes(roomOf(file.path))) return [];
  return targetsOf(file)
    .filter((target) => /^src\/(ike\/v\d|wire\/v2)\//.test(target))
    .map((target) => `${file.path} imports ${target}`);
}

function targetsOf({ path, text }: SourceFile): string[] {
  return importsOf(text)
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) => join(dirname(path), specifier));
}

function looksInside({ path, text }: SourceFile): string[] {
  const code = withoutStrings(withoutComments(text));
  const found = code.match(/\bsa\??\.\w+|\{[^{}]*\} = [\w.?]*\bsa;/g) ?? [];
  return found.map((part) => `${path}: ${part}`);
}
