/**
 * `erouted peers`: rows with one subnet (R10) are refused, or reported, before their sites meet.
 */

import { afterEach, beforeEach, expect, test } from "bun:test";
import { createFolder, type Folder } from "./folder.ts";
import { type Ran, runWith } from "./terminal.ts";

let at: Folder;

beforeEach(async () => {
  at = createFolder();
  expect((await peers(at, ["init"])).code).toBe(0);
});

afterEach(() => at.dispose());

function peers(folder: Folder, args: readonly string[]): Promise<Ran> {
  return runWith(["peers", ...args, "--config", folder.config], "");
}

const SITE_1 = ["--peerid", "site-1", "--remip", "192.168.1.0"];

test("R10: add refuses a second row with one subnet, however written; check names it", async () => {
  await peers(at, ["add", ...SITE_1, "--generate"]);
  const second = ["add", "--peerid", "site-2", "--remip", "192.168.7.0, 192.168.1.9", "--generate"];
  const refused = await peers(at, second);
  expect(refused.code).toBe(1);
  expect(refused.err).toContain("site-2 has the subnet 192.168.1.0/24, and so has site-1: overlap");
  const allowed = await peers(at, [...second, "--allow-overlap"]);
  expect(allowed.code).toBe(0);
  expect(allowed.err).toContain("note: has the subnet 192.168.1.0/24, and so has site-1");
  const checked = await peers(at, ["check"]);
  expect(checked.code).toBe(1);
  expect(checked.out).toContain("FAILED  site-2: has the subnet 192.168.1.0/24, and so has site-1");
  expect(checked.out).toEndWith("2 rows, 0 refused, 1 with a subnet of another row");
});

test("R10: add reports a nested subnet, and nothing if if_id differs", async () => {
  await peers(at, ["add", ...SITE_1, "--generate"]);
  const inner = ["add", "--peerid", "site-2", "--remip", "192.168.1.128/25", "--generate"];
  const nested = await peers(at, inner);
  expect(nested.code).toBe(0);
  expect(nested.err).toContain("note: has 192.168.1.128/25 inside 192.168.1.0/24 of site-1");
  const apart = ["--peerid", "site-3", "--remip", "192.168.1.0", "--if-id", "7", "--generate"];
  const added = await peers(at, ["add", ...apart]);
  expect([added.code, added.err]).toEqual([0, expect.not.stringContaining("note")]);
});

test("R10: ten thousand rows, each with a duplicate, are compared with an index", async () => {
  const { Database } = await import("bun:sqlite");
  const database = new Database(at.path("peers.db"));
  const insert = database.prepare(
    "insert into eroutes (peerid, password, remip) values (?, 'k', ?)",
  );
  database.transaction(() => {
    for (let i = 0; i < 10_000; i++) {
      insert.run(`site-${i}`, `192.168.${(i >> 1) & 255}.${((i >> 9) & 63) * 4}/30`);
    }
  })();
  insert.finalize();
  database.close();
  const { out } = await peers(at, ["check"]);
  expect(out).toEndWith("10000 rows, 0 refused, 5000 with a subnet of another row");
});
