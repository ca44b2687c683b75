/** The contract of the peer table, with SQLite; and what only SQLite has. */

import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { COLUMNS_OF_FEW, type SqliteSettings } from "../../src/eroute/database.ts";
import { peersContract } from "./peers.ts";
import { ALL_COLUMNS, byId, opened, rowsOf } from "./peers-ground.ts";

const folder = mkdtempSync(join(tmpdir(), "erouted-sqlite-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function settings(file: string, deadlineMs = 2000): SqliteSettings {
  return {
    engine: "sqlite",
    egroup: "sites",
    path: join(folder, file),
    table: "eroutes",
    columns: ALL_COLUMNS,
    presumed: COLUMNS_OF_FEW,
    deadlineMs,
    waitingMax: 4096,
  };
}

peersContract("SQLite", async () => ({
  settings: (table, changes) =>
    ({ ...settings("contract.db"), table, ...changes }) as SqliteSettings,
  async sql(statement) {
    const database = new Database(join(folder, "contract.db"));
    database.run("pragma busy_timeout = 2000");
    database.run(statement);
    database.close();
  },
  dispose: () => Promise.resolve(),
}));

test("a file that does not exist yet is a missing table, and works once it exists", async () => {
  const peers = opened(settings("later.db"));
  expect(await peers.find(byId("a"))).toMatchObject({ error: { kind: "no-table" } });
  const writer = opened(settings("later.db"));
  await writer.init();
  await writer.add({ peerid: "a", password: "k" });
  expect(rowsOf(await peers.find(byId("a")))).toHaveLength(1);
  await writer.close();
  await peers.close();
});

test("a new file contains keys, so only its owner may read it", async () => {
  const peers = opened(settings("private.db"));
  await peers.init();
  expect(statSync(join(folder, "private.db")).mode & 0o777).toBe(0o600);
  await peers.close();
});

test("R2: a file that replaces another is read from the next look-up on", async () => {
  plainFile("place.db").close();
  const peers = opened(settings("place.db"));
  expect(rowsOf(await peers.find(byId("a")))).toEqual([]);
  const fresh = plainFile("fresh.db");
  fresh.run("insert into eroutes (peerid, password) values ('a', 'k')");
  fresh.close();
  renameSync(join(folder, "fresh.db"), join(folder, "place.db"));
  expect(rowsOf(await peers.find(byId("a")))).toHaveLength(1);
  await peers.close();
});

test("R6: a locked file costs the look-up its deadline, and the event loop nothing", async () => {
  const other = plainFile("locked.db");
  const peers = opened(settings("locked.db", 300));
  other.run("begin exclusive");
  // Turns of the event loop, not of a clock: a busy machine has fewer in a second.
  let turns = 0;
  let isOver = false;
  const count = () => {
    turns++;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  expect(await peers.find(byId("a"))).toMatchObject({ error: { kind: "timeout" } });
  isOver = true;
  expect(turns).toBeGreaterThan(20);
  other.run("rollback");
  other.close();
  expect(rowsOf(await peers.find(byId("a")))).toEqual([]);
  await peers.close();
});

test("R6: a file that is not a database is a fault that says so", async () => {
  writeFileSync(join(folder, "text.db"), "no database, but text\n".repeat(100));
  const peers = opened(settings("text.db"));
  const result = await peers.find(byId("a"));
  expect(result).toMatchObject({ error: { kind: "other" } });
  expect(JSON.stringify(result)).toContain("not a database");
  await peers.close();
});

/**
 * A file as another program made it: with a rollback journal, so that a writer locks readers out.
 */
function plainFile(name: string): Database {
  const database = new Database(join(folder, name), { create: true });
  database.run(
    "create table eroutes (peerid text collate nocase primary key, password text, remip text, " +
      "remmsk text, peerip text, bakpeerip text, ourid text)",
  );
  return database;
}
