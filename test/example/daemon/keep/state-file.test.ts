/** The file of what is kept: whose it is, and what of it is refused. */

import { afterAll, expect, test } from "bun:test";
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Slots } from "../../../../src/daemon/keep/slots.ts";
import { openStateFile, type StateFile } from "../../../../src/daemon/keep/state-file.ts";

const folder = mkdtempSync(join(tmpdir(), "erouted-state-file-"));
const path = join(folder, "state");
const HERE = { folder, stateVersion: 7, bootId: "one boot" };

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function open(changes: Partial<typeof HERE> = {}): StateFile {
  const opened = openStateFile({ ...HERE, ...changes });
  if (!opened.ok) throw new Error(opened.error);
  return opened.value;
}

/** A new file with one document in it, written by a run that became ready. */
function keepOne(): StateFile {
  rmSync(path, { force: true });
  const file = open();
  new Slots(file.memory).put("one", new TextEncoder().encode("a secret of the run before"));
  file.ready();
  return file;
}

function found(file: StateFile): string[] {
  const slots = new Slots(file.memory, file.segments);
  return [...slots.found()].map(({ content }) => new TextDecoder().decode(content));
}

test("the next run reads what was kept, in a later generation; nobody else may", () => {
  const { generation } = keepOne();
  expect(lstatSync(path).mode & 0o777).toBe(0o600);
  const next = open();
  expect(found(next)).toEqual(["a secret of the run before"]);
  expect(next.generation).toBe(generation + 1);
  expect(next.why).toBeUndefined();
});

test("a run that ends before it has read anything has used up its generation", () => {
  const first = keepOne();
  open();
  expect(open().generation).toBe(first.generation + 2);
});

const REFUSED: readonly (readonly [string, () => Partial<typeof HERE>, RegExp])[] = [
  ["of another boot or host", () => ({ bootId: "another boot" }), /another boot or another host/],
  ["of a newer version", () => ({ stateVersion: 6 }), /version is 2.7, known is 2.6/],
  ["of an older version", () => ({ stateVersion: 8 }), /version is 2.7, known is 2.8/],
  ["that others may read", () => changed(() => chmodSync(path, 0o644)), /mode is 644/],
  ["with another name", () => changed(() => linkSync(path, `${path}-2`)), /2 names/],
  ["that is a link", () => changed(plantLink), /cannot be opened/],
  ["that is a FIFO", () => changed(plantFifo), /not a plain file|cannot be opened/],
  ["that is empty", () => changed(() => writeFileSync(path, "", { mode: 0o600 })), /0 octets/],
  ["of something else", () => changed(() => overwrite(0, 0x58)), /not a state of erouted/],
  ["without its generation", () => changed(() => overwrite(76, 0xff, 32)), /which process/],
];

for (const [which, plant, why] of REFUSED) {
  test(`a file ${which} is refused and replaced, and says so`, () => {
    keepOne();
    const file = open(plant());
    expect(file.why).toMatch(why);
    expect(file.segments).toBeUndefined();
    rmSync(`${path}-2`, { force: true });
    const { mode, nlink } = lstatSync(path);
    expect([mode & 0o777, nlink]).toEqual([0o600, 1]);
    expect(readFileSync(path).includes("a secret")).toBe(false);
  });
}

test("a file that another user has planted is refused", () => {
  if (process.geteuid?.() !== 0) return;
  keepOne();
  Bun.spawnSync(["chown", "65534", path]);
  expect(open().why).toMatch(/belongs to user 65534/);
});

test("what starts have read is not read again once three of them did not become ready", () => {
  keepOne();
  const whys = [open(), open(), open(), open()].map(({ why }) => why);
  expect(whys.slice(0, 3)).toEqual([undefined, undefined, undefined]);
  expect(whys[3]).toMatch(/3 starts with it did not become ready/);
  keepOne();
  for (let start = 0; start < 5; start++) {
    const file = open();
    expect(file.why).toBeUndefined();
    file.ready();
  }
});

test("a run that says goodbye leaves no file", () => {
  keepOne().remove();
  expect(() => lstatSync(path)).toThrow();
});

function changed(change: () => unknown): Partial<typeof HERE> {
  change();
  return {};
}

function plantLink(): void {
  renameSync(path, `${path}-2`);
  symlinkSync(`${path}-2`, path);
}

function plantFifo(): void {
  rmSync(path);
  Bun.spawnSync(["mkfifo", "-m", "600", path]);
}

function overwrite(at: number, octet: number, count = 1): void {
  const octets = readFileSync(path);
  octets.fill(octet, at, at + count);
  writeFileSync(path, octets);
}
