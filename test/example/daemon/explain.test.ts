/** Why a site cannot connect, with a real configuration and a real table, without a daemon. */

import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { readConfigFile } from "../../../src/cli/configuration.ts";
import type { Config } from "../../../src/config/config.ts";
import { explainOffline } from "../../../src/daemon/explain-offline.ts";
import { createFolder, type Folder } from "../cli/folder.ts";
import { runWith } from "../cli/terminal.ts";

const SECRET = "a very secret key";

let folder: Folder;
let config: Config;

beforeAll(async () => {
  folder = createFolder();
  const read = readConfigFile(folder.config);
  if (!read.ok) throw new Error(read.error.join("\n"));
  config = read.value;
  expect((await runWith(["peers", "init", "--config", folder.config])).code).toBe(0);
  const database = new Database(folder.path("peers.db"));
  const insert = database.prepare(
    "INSERT INTO eroutes (peerid, password, remip, remmsk, peerip, disabled) " +
      "VALUES (?, ?, ?, ?, ?, ?)",
  );
  const mask = "255.255.255.0";
  insert.run("site-1", SECRET, "192.168.1.0", mask, "192.0.2.7", 0);
  insert.run("site-2", "", "192.168.2.0", mask, null, 0);
  insert.run("site-3", SECRET, "192.168.3.0", mask, null, 1);
  insert.run("site-4", SECRET, "10.1.4.0", mask, null, 0);
  insert.run("site-5", SECRET, "192.168.5", mask, null, 0);
  database.close();
});

afterAll(() => folder.dispose());

/** `state: first advice`, and the whole as text. */
async function said(asked: string) {
  const json = (await explainOffline(config, asked)) as {
    readonly state: string;
    readonly connected: boolean | null;
    readonly advice: readonly string[];
  };
  return { ...json, text: JSON.stringify(json) };
}

test("a valid row: its fields are shown, but only the existence of its password", async () => {
  const { state, connected, text } = await said("site-1");
  expect([state, connected]).toEqual(["unknown", null]);
  expect(text).toContain("remip 192.168.1.0, remmsk 255.255.255.0, peerip 192.0.2.7");
  expect(text).toContain("password set");
  expect(text).not.toContain(SECRET);
});

test("R6: what is wrong with a row, and the column to correct", async () => {
  const expected: readonly (readonly [string, string])[] = [
    ["site-2", "fill the column password"],
    ["site-3", "clear the column disabled"],
    ["site-4", "inside remote_subnet"],
    ["site-5", "erouted peers show site-5"],
    ["site-6", "erouted peers add --peerid site-6"],
    ["sitee-1", "correct the site's ID"],
  ];
  for (const [asked, advice] of expected) {
    const { state, advice: given, text } = await said(asked);
    expect([asked, state, given.join()]).toEqual([
      asked,
      "blocked",
      expect.stringContaining(advice),
    ]);
    expect(text).not.toContain(SECRET);
  }
});

test("R6: a failing database is the reason that keeps a site out, in its own words", async () => {
  rmSync(folder.path("peers.db"));
  const { state, text } = await said("site-1");
  expect(state).toBe("blocked");
  expect(text).toContain("peers.db");
  expect(text).toMatch(/database unreachable|table missing/);
});
