/**
 * A reload that takes rows from elsewhere, or reads them in another way: the sites that they close
 * count.
 */

import { afterEach, beforeEach, expect, test } from "bun:test";
import type { Config } from "../../../src/config/config.ts";
import { type Reloadable, reload } from "../../../src/daemon/reload.ts";
import { createReloader } from "../../../src/daemon/reloader.ts";
import { err, ok } from "../../../src/octets/result.ts";
import { openPeers } from "../../../src/peers/open.ts";
import type { NewPeer } from "../../../src/peers/repository.ts";
import { inSteps } from "../../../src/status/lists/turns.ts";
import { connectAll } from "../../simulation/neighbours.ts";
import { layTable } from "../../simulation/table.ts";
import { createFolder, type Folder } from "../cli/folder.ts";
import { configIn, daemonOf, type TestDaemon } from "./reloadable.ts";

const SITES = 4;
let folder: Folder;
let config: Config;

beforeEach(() => {
  folder = createFolder();
  config = configIn(folder, (text) => text);
});

afterEach(() => folder.dispose());

test("another table without rows of connected sites: held, unless it is forced", async () => {
  const next = await otherTable([peerOf(1), peerOf(2), { ...peerOf(3), disabled: "1" }]);
  const daemon = connectedDaemon();
  const why =
    "it would close 2 of 4 connected sites (their row in egroup sites is disabled: 1; they have " +
    "no row in egroup sites: 1), and reload.close_percent_max is 10";
  expect(await reload(daemon, () => ok(next), { dryRun: true })).toMatchObject(
    ok({ connected: 4, closes: 2, unread: 0, held: [why] }),
  );
  const before = daemon.peers.get("sites");
  expect(await reload(daemon, () => ok(next))).toEqual(err({ kind: "held", faults: [why] }));
  expect([daemon.fed, daemon.rechecked, daemon.config]).toEqual([[], [], config]);
  expect(daemon.peers.get("sites")).toBe(before);
  expect((await reload(daemon, () => ok(next), { force: true })).ok).toBe(true);
  expect(daemon.rechecked).toEqual(["sites"]);
  expect(daemon.peers.get("sites")).not.toBe(before);
});

test("another table with the same rows closes no site; another key closes one", async () => {
  const peers = [1, 2, 3, 4].map(peerOf);
  const same = await otherTable(peers);
  expect(await reload(connectedDaemon(), () => ok(same))).toMatchObject(
    ok({ closes: 0, unread: 0, databases: [expect.stringContaining("changed: sqlite:")] }),
  );
  const rekeyed = await otherTable(
    peers.map((peer, index) => (index === 3 ? { ...peer, password: "another" } : peer)),
  );
  const held = await reload(connectedDaemon(), () => ok(rekeyed));
  expect(held.ok ? "" : held.error.faults.join()).toContain(
    "close 1 of 4 connected sites (their row in egroup sites is another: 1)",
  );
});

test("the same table, read with another remote_mask: what that changes counts", async () => {
  const daemon = connectedDaemon();
  await fill(config, [1, 2, 3, 4].map(peerOf));
  const next = configIn(folder, (text) => text.replace("255.255.255.0", "255.255.255.128"));
  expect(await reload(daemon, () => ok(next), { dryRun: true })).toMatchObject(
    ok({ closes: 4, reasons: "their row in egroup sites is another: 4" }),
  );
});

test("an unreadable table: all of its sites may be closed, so the reload is held", async () => {
  const next = configIn(folder, (text) => text.replace("peers.db", "missing.db"));
  const held = await reload(connectedDaemon(), () => ok(next));
  const faults = held.ok ? [] : held.error.faults;
  expect(faults).toEqual([
    expect.stringMatching(
      /^it may close 4 of 4 connected sites, whose rows were not read \(egroup/,
    ),
  ]);
  const loose = configIn(folder, (text) => {
    const all = "\n[reload]\nclose_percent_max = 100\n";
    return `${text.replace("peers.db", "missing.db")}${all}`;
  });
  expect(await reload(connectedDaemon(), () => ok(loose))).toMatchObject(
    ok({ closes: 0, unread: 4 }),
  );
  // No site is connected: nothing is read, and the database may be down.
  expect((await reload(daemonOf(config), () => ok(next))).ok).toBe(true);
});

test("one reload at a time: HTTP is refused, signals wait and count as one", async () => {
  const next = await otherTable([]);
  const daemon = connectedDaemon();
  let loads = 0;
  const load = () => {
    loads++;
    return ok(next);
  };
  const reloader = createReloader(daemon, load, Promise.resolve());
  await Promise.resolve();
  const first = reloader.now({});
  const second = await reloader.now({ force: true });
  expect(second).toEqual(err({ kind: "busy", faults: [expect.stringContaining("under way")] }));
  const signals = [reloader.next(), reloader.next(), reloader.next()];
  expect(loads).toBe(1);
  expect((await first).ok).toBe(false);
  for (const signal of signals) expect(await signal).toMatchObject(err({ kind: "held" }));
  expect([loads, daemon.reloads]).toEqual([2, new Map([["held", 2]])]);
  expect((await reloader.now({ force: true })).ok).toBe(true);
});

test("signals that come during the start are one reload after it, never refused", async () => {
  const next = await otherTable([1, 2, 3, 4].map(peerOf));
  const daemon: { -readonly [K in keyof TestDaemon]: TestDaemon[K] } = connectedDaemon();
  const { shell } = daemon;
  daemon.shell = undefined;
  const up = Promise.withResolvers<void>();
  let loads = 0;
  const load = () => {
    loads++;
    return ok(next);
  };
  const reloader = createReloader(daemon, load, up.promise);
  const signals = [reloader.next(), reloader.next()];
  await Bun.sleep(0);
  expect(loads).toBe(0);
  daemon.shell = shell;
  up.resolve();
  for (const signal of signals) expect((await signal).ok).toBe(true);
  expect(loads).toBe(1);
});

test("erouted that ends while rows are read takes nothing over", async () => {
  const next = await otherTable([]);
  const daemon: TestDaemon & { isEnding: boolean } = connectedDaemon();
  const underWay = reload(daemon, () => ok(next), { force: true });
  daemon.isEnding = true;
  expect(await underWay).toEqual(err({ kind: "faulty", faults: ["erouted is ending"] }));
  expect(daemon.fed).toEqual([]);
});

/** What a reload sees of a daemon with connected sites. */
function connectedDaemon(): TestDaemon {
  const table = layTable({ plan: config.plan });
  expect(connectAll(table, SITES).length).toBe(SITES);
  const { concentrator } = table;
  const preview: Reloadable["preview"] = ({ plan }, rows) =>
    inSteps(concentrator.preview(plan, { isListened: () => true, rows }));
  return { ...daemonOf(config), concentrator, preview };
}

function peerOf(number: number): NewPeer {
  return {
    peerid: `site-${number}`,
    password: `secret ${number}`,
    remip: `192.168.${number}.0`,
  };
}

let tables = 0;

/** The configuration with another table, which has these rows. */
async function otherTable(peers: readonly NewPeer[]): Promise<Config> {
  const file = `other-${tables++}.db`;
  const next = configIn(folder, (text) => text.replace("peers.db", file));
  await fill(next, peers);
  return next;
}

async function fill({ databases }: Config, peers: readonly NewPeer[]): Promise<void> {
  const [settings] = databases;
  const opened = settings && openPeers(settings);
  if (opened?.ok !== true) throw new Error("no table");
  expect(await opened.value.init()).toEqual(ok("created"));
  for (const peer of peers) expect(await opened.value.add(peer)).toEqual(ok(undefined));
  await opened.value.close();
}
