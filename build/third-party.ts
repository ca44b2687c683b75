/** Prints the licences of everything in the executable beside erouted's own code. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import packageJson from "../package.json";

type Package = {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
};

const MODULES = join(import.meta.dir, "../node_modules");

/** What the executable contains: the packages needed at run time, and their dependencies. */
export function bundledPackages(): readonly Package[] {
  const found = new Map<string, Package>();
  const waiting = Object.keys(packageJson.dependencies);
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const file = join(MODULES, name, "package.json");
    if (found.has(name) || !existsSync(file)) continue;
    const read = JSON.parse(readFileSync(file, "utf8")) as Package;
    found.set(name, read);
    waiting.push(...Object.keys(read.dependencies ?? {}));
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The text of a package's licence file; undefined if it has none. */
function licenceText(name: string): string | undefined {
  const folder = join(MODULES, name);
  const file = readdirSync(folder).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
  return file === undefined ? undefined : readFileSync(join(folder, file), "utf8").trim();
}

/** The executable contains Bun as a whole; its package has no licence file. */
const BUN = `Bun ${packageJson.devDependencies.bun} (MIT), Copyright (c) Oven
https://bun.com/docs/project/license

Bun contains these libraries, under their own licences:
  JavaScriptCore and WebKit  LGPL-2.1 (https://github.com/oven-sh/webkit)
  tinycc                     LGPL-2.1 (https://github.com/tinycc/tinycc)
  BoringSSL                  Apache-2.0, ISC, OpenSSL
  brotli, libdeflate, mimalloc, c-ares, libuv, ls-hpack  MIT
  picohttpparser             MIT or Perl
  libarchive, zstd, lol-html, libbase64                  BSD
  simdutf, uSockets, uWebSockets, highway                Apache-2.0
  zlib                       zlib
  ICU                        Unicode-3.0
  SQLite                     public domain
The LGPL gives the right to replace those two libraries: build Bun from its sources with others, and
erouted with that Bun (CONTRIBUTING.md says how erouted is built).`;

const RULE = "-".repeat(80);

/** The whole file. */
export function thirdParty(): string {
  const parts = bundledPackages().map(({ name, version, license }) => {
    const text = licenceText(name) ?? "(The package has no licence file.)";
    return `${name} ${version} (${license ?? "see below"})\n\n${text}`;
  });
  return [...parts, BUN].join(`\n\n${RULE}\n\n`);
}

if (import.meta.main) process.stdout.write(`${thirdParty()}\n`);
