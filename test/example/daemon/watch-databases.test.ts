/** Databases that are missing or fail: this is noted once, and so is its end. */

import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type DatabaseNote,
  type DatabaseWatch,
  watchDatabases,
} from "../../../src/daemon/watch-databases.ts";
import { openPeers } from "../../../src/peers/open.ts";
import type { PeerRepository } from "../../../src/peers/repository.ts";
import { DEFAULT_COLUMNS } from "../../real/mariadb.ts";

const PERIOD_MS = 10;
let folder: string;
let file: string;
let notes: DatabaseNote[];
let repository: PeerRepository;
let watch: DatabaseWatch | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "erouted-watch-"));
  file = join(folder, "peers.db");
  notes = [];
  const opened = openPeers({
    ...{ engine: "sqlite", egroup: "sites", table: "eroutes", columns: DEFAULT_COLUMNS },
    ...{ deadlineMs: 1_000, waitingMax: 16, path: file },
  });
  if (!opened.ok) throw new Error(opened.error.detail);
  repository = opened.value;
});

afterEach(async () => {
  watch?.stop();
  await repository.close();
  rmSync(folder, { recursive: true });
});

function start(): void {
  const peers = new Map([["sites", repository]]);
  watch = watchDatabases(peers, (note) => void notes.push(note), PERIOD_MS);
}

async function notesReach(count: number): Promise<readonly string[]> {
  for (let i = 0; i < 200 && notes.length < count; i++) await Bun.sleep(PERIOD_MS);
  await Bun.sleep(3 * PERIOD_MS);
  return notes.map(({ reason }) => reason);
}

test("R6: a database that appears after the start is noted first as missing", async () => {
  start();
  expect(await notesReach(1)).toEqual(["database-no-table"]);
  expect(repository.statistics().lastFault).toContain("there is no such file");
  await repository.init();
  expect(await notesReach(2)).toEqual(["database-no-table", "database-answers"]);
  expect(repository.statistics()).toMatchObject({ lastFault: undefined, lookups: 0, failures: 0 });
});

test("R6: a database that fails a look-up is watched until it answers", async () => {
  await repository.init();
  start();
  expect(await notesReach(0)).toEqual([]);
  renameSync(file, `${file}.away`);
  expect((await repository.find({ by: "peerid", peerid: "site-1" })).ok).toBe(false);
  expect(await notesReach(1)).toEqual(["database-no-table"]);
  renameSync(`${file}.away`, file);
  expect(await notesReach(2)).toEqual(["database-no-table", "database-answers"]);
});

test("R6: its recovery is noted even if a site's look-up noticed it first", async () => {
  start();
  await notesReach(1);
  await repository.init();
  expect((await repository.find({ by: "peerid", peerid: "site-1" })).ok).toBe(true);
  expect(repository.statistics().lastFault).toBe(undefined);
  expect(await notesReach(2)).toEqual(["database-no-table", "database-answers"]);
});

test("after the end, nothing is noted and no database is asked", async () => {
  start();
  watch?.stop();
  expect(await notesReach(0)).toEqual([]);
});
