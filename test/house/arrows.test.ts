/** The arrows between rooms: which room may import which rooms and packages. */

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { importsOf, roomOf, type SourceFile, sourcesIn } from "./source.ts";

type Room = { readonly rooms: readonly string[]; readonly packages: readonly string[] };

const ENGINE = [
  "octets",
  "reason",
  "inet",
  "crypto",
  "wire",
  "xfrm",
  "eroute",
  "ike",
  "concentrator",
];
const PLATFORM = ["bun", "bun:", "node:"];

const TABLE: Readonly<Record<string, Room>> = {
  octets: { rooms: [], packages: [] },
  // The reasons of the journal, for every room that writes to it.
  reason: { rooms: [], packages: [] },
  inet: { rooms: ["octets"], packages: [] },
  // Of Bun only its hashers, see below.
  crypto: {
    rooms: ["octets"],
    packages: ["node:crypto", "bun", "@noble/ciphers", "@noble/post-quantum"],
  },
  wire: { rooms: ["octets", "inet"], packages: [] },
  xfrm: { rooms: ["octets", "inet"], packages: [] },
  eroute: { rooms: ["octets", "reason", "inet", "crypto"], packages: [] },
  ike: { rooms: ["octets", "reason", "inet", "crypto", "wire"], packages: [] },
  concentrator: { rooms: ENGINE.slice(0, -1), packages: [] },
  // It reads the journal of the engine; the engine does not know it.
  why: { rooms: ["octets", "reason", "inet", "crypto", "eroute", "concentrator"], packages: [] },
  config: {
    rooms: ["octets", "inet", "crypto", "wire", "eroute", "ike"],
    packages: ["smol-toml", "zod"],
  },
  linux: { rooms: ["octets", "inet", "xfrm"], packages: PLATFORM },
  peers: {
    rooms: ["octets", "inet", "eroute"],
    packages: ["drizzle-orm", "mysql2", "bun:sqlite", "node:"],
  },
  status: {
    rooms: ["octets", "reason", "inet", "eroute", "concentrator", "why"],
    packages: ["hono", "zod", "node:", "bun"],
  },
  // It never looks inside a message. From crypto it needs only what it carries out: key exchange,
  // signatures.
  daemon: {
    rooms: [
      ...["octets", "reason", "inet", "crypto/key-exchange", "crypto/signature", "xfrm"],
      ...["eroute", "concentrator", "why"],
      ...["config", "linux", "peers", "status"],
    ],
    packages: PLATFORM,
  },
  // Only the notation of proposals from crypto: the configuration of a site's router needs one.
  cli: {
    rooms: ["octets", "inet", "crypto/suite-notation", "eroute", "config", "peers", "daemon"],
    packages: ["commander", "csv-parse", ...PLATFORM],
  },
  "": { rooms: ["cli"], packages: [] },
};

const sources = sourcesIn("src");

test("each folder of src is a room of the house", () => {
  const rooms = new Set(sources.map((source) => roomOf(source.path)));
  expect([...rooms].filter((room) => TABLE[room] === undefined)).toEqual([]);
});

test("no file imports a room or a package that its room may not", () => {
  expect(sources.flatMap(wrongImports)).toEqual([]);
});

test("of Bun, crypto takes only hashers", () => {
  const takes = sources
    .filter(({ path }) => roomOf(path) === "crypto")
    .flatMap(({ text }) =>
      [...text.matchAll(/^import (.*) from "bun";$/gm)].map(([, what]) => what),
    );
  expect([...new Set(takes)]).toEqual(["{ CryptoHasher }"]);
});

test("docs/architecture.md shows this table", () => {
  const page = readFileSync(join(import.meta.dir, "../../docs/architecture.md"), "utf8");
  const [, table = ""] = /^\| room \| .* \|\n\| --- .*\n((?:\|.*\n)+)/m.exec(page) ?? [];
  const shown = table
    .trimEnd()
    .split("\n")
    .map((line) => line.split(" | "))
    .map(([room = "", , rooms = ""]) => `${room.slice(2)}: ${rooms.slice(0, -2)}`);
  const wanted = Object.entries(TABLE)
    .filter(([room]) => room !== "")
    .map(([room, { rooms }]) => `${room}: ${rooms.join(", ") || "–"}`);
  expect(shown).toEqual(wanted);
});

test("the check sees every way to import", () => {
  const path = "src/octets/bad.ts";
  const wrong = (text: string) => wrongImports({ path, text }).length;
  expect(wrong('import { a } from "../wire/header.ts";')).toBe(1);
  expect(wrong('import type { \n  A, \n } from "../wire/header.ts";')).toBe(1);
  expect(wrong('export type { A } from "../wire/header.ts";')).toBe(1);
  expect(wrong('type A = import("../wire/header.ts").Header;')).toBe(1);
  expect(wrong('import "node:fs";')).toBe(1);
  expect(wrong('const a = await import("hono");')).toBe(1);
  expect(wrong('// import { a } from "../wire/header.ts";')).toBe(0);
  expect(wrong('import { ok } from "./result.ts";')).toBe(0);
});

test("the daemon takes of crypto only key exchange and signatures", () => {
  const wrong = (text: string) => wrongImports({ path: "src/daemon/bad.ts", text }).length;
  expect(wrong('import { a } from "../crypto/prf.ts";')).toBe(1);
  expect(wrong('import { a } from "../crypto/key-exchange.ts";')).toBe(0);
  expect(wrong('import { a } from "../wire/message.ts";')).toBe(1);
});

function wrongImports(source: SourceFile): string[] {
  const room = roomOf(source.path);
  const may = TABLE[room];
  if (may === undefined) return [`${source.path}: no such room: ${room}`];
  return importsOf(source.text)
    .filter((specifier) => !isAllowed(source.path, specifier, may))
    .map((specifier) => `${source.path}: ${room} may not import ${specifier}`);
}

function isAllowed(path: string, specifier: string, may: Room): boolean {
  if (!specifier.startsWith(".")) {
    return may.packages.some((name) => isPackage(specifier, name));
  }
  const target = join(dirname(path), specifier);
  if (!target.startsWith("src/")) return target === "package.json";
  if (roomOf(target) === roomOf(path)) return true;
  return may.rooms.some((room) => target.startsWith(`src/${room}`) && isWhole(target, room));
}

/** `wire` is not `wireless`; `crypto/key-exchange` stands for all files with that prefix. */
function isWhole(target: string, room: string): boolean {
  return room.includes("/") || target.startsWith(`src/${room}/`);
}

function isPackage(specifier: string, name: string): boolean {
  if (name.endsWith(":")) return specifier.startsWith(name);
  return specifier === name || specifier.startsWith(`${name}/`);
}
