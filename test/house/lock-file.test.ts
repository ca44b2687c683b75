/** The lock file: exact versions with checksums, from whatever registry the reader uses. */

import { expect, test } from "bun:test";
import { join } from "node:path";

const lock = await Bun.file(join(import.meta.dir, "../../bun.lock")).text();
const manifest: unknown = await Bun.file(join(import.meta.dir, "../../package.json")).json();

test("bun.lock names no host", () => {
  expect(lock).not.toMatch(/https?:\/\//);
});

test("package.json pins each dependency to one version", () => {
  const all = versionsOf(manifest, "dependencies").concat(versionsOf(manifest, "devDependencies"));
  expect(all.length).toBeGreaterThan(5);
  expect(all.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(String(version)))).toEqual([]);
});

function versionsOf(json: unknown, field: string): [string, unknown][] {
  if (typeof json !== "object" || json === null) return [];
  const found: unknown = Object.entries(json).find(([name]) => name === field)?.[1];
  return typeof found === "object" && found !== null ? Object.entries(found) : [];
}
