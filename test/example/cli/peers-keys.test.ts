/** `erouted peers`: weak keys, and keys that several rows have, are reported. */

import { afterEach, beforeEach, expect, test } from "bun:test";
import { createFolder, type Folder } from "./folder.ts";
import { type Ran, runWith } from "./terminal.ts";

const STRONG = "k8Qw2ZrT5vXy7Lm3Np9Bd4Gh";
let at: Folder;

beforeEach(async () => {
  at = createFolder();
  expect((await peers("", "init")).code).toBe(0);
});

afterEach(() => at.dispose());

function peers(stdin: string, ...args: readonly string[]): Promise<Ran> {
  return runWith(["peers", ...args, "--config", at.config], stdin);
}

function add(number: number, key: string): Promise<Ran> {
  const site = ["--peerid", `site-${number}`, "--remip", `192.168.${number}.0`];
  return peers(key, "add", ...site, "--password-stdin");
}

test("add and set accept a weak key with a note, and a strong one without", async () => {
  const weak = await add(1, "secret");
  expect(weak.code).toBe(0);
  expect(weak.err).toContain("note: its password is one of the first guesses");
  expect((await add(2, STRONG)).err).not.toContain("note");
  const set = await peers("short", "set", "site-2", "--password-stdin");
  expect(set.err).toContain("note: its password has 5 characters");
  expect((await peers("", "set", "site-2", "--generate")).err).not.toContain("note");
});

test("a key that other rows have is reported; by check once for each key", async () => {
  await add(1, STRONG);
  expect((await add(2, STRONG)).err).toContain("note: its password is that of 1 other row");
  await add(3, `${STRONG}x`);
  const set = await peers(STRONG, "set", "site-3", "--password-stdin");
  expect(set.err).toContain("that of 2 other rows");
  const { out, code } = await peers("", "check");
  expect(code).toBe(0);
  expect(out.match(/is that of/g)?.length).toBe(1);
  expect(out).toContain("note    site-1: its password is that of 2 other rows");
  expect(out).not.toContain(STRONG);
  const csv = `peerid,password,remip\nsite-4,${STRONG},192.168.4.0\nsite-5,abc,192.168.5.0\n`;
  const ran = await peers("", "import", at.write("more.csv", csv));
  expect(ran.code).toBe(0);
  expect(ran.err).toContain("site-4: its password is that of 3 other rows");
  expect(ran.err).toContain("site-5: its password is one of the first guesses");
});
