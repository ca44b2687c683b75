/**
 * The search for changed rows: which are reported, how often, and what happens while a database
 * fails.
 */

import { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import type { Event } from "../../../src/concentrator/event.ts";
import type { ErouteView } from "../../../src/concentrator/snapshot.ts";
import { type Polled, type Polling, startPolling } from "../../../src/daemon/poll.ts";
import { recheckConnected } from "../../../src/daemon/recheck.ts";
import type { Note } from "../../../src/daemon/reload.ts";
import { err, ok } from "../../../src/octets/result.ts";
import { openPeers } from "../../../src/peers/open.ts";
import type { ChangedRows, PeerRepository } from "../../../src/peers/repository.ts";
import { DEFAULT_COLUMNS } from "../../real/mariadb.ts";
import { createFolder } from "../cli/folder.ts";
import { config, FLEET } from "../config/read.ts";
import { sampleSource } from "../status/sample.ts";

const EVERY_MS = 100;

const SQLITE = {
  engine: "sqlite",
  egroup: "sites",
  table: "eroutes",
  deadlineMs: 1_000,
  waitingMax: 16,
} as const;
const WITH_CHANGED = { ...DEFAULT_COLUMNS, changed: "changed" };

let told: string[];
let notes: Note[];
let connected: readonly string[];
let asked: (string | undefined)[];
let answers: (ChangedRows | "down")[];
let polling: Polling | undefined;

beforeEach(() => {
  told = [];
  notes = [];
  connected = [];
  asked = [];
  answers = [];
});

afterEach(() => polling?.stop());

test("rows written since the last look are reported, from the first mark on", async () => {
  answers = [changed("m1"), changed("m1"), changed("m2", "site-1", "site-2"), changed("m3", "a")];
  start();
  await reaches(() => asked.length >= 6);
  expect(asked.slice(0, 6)).toEqual([undefined, "m1", "m1", "m2", "m3", "m3"]);
  expect(told).toEqual(["site-1", "site-2", "a"]);
  expect(notes).toEqual([]);
});

test("a database that fails is noted once, asked less often, noted when it answers", async () => {
  answers = [changed("m1"), "down", "down", "down", changed("m2", "site-1")];
  const startedAt = performance.now();
  start();
  await reaches(() => notes.length >= 2);
  // 100 ms, then twice, four and eight times that.
  expect(performance.now() - startedAt).toBeGreaterThan(1_400);
  expect(notes.map((note) => note.reason)).toEqual(["poll-fails", "poll-works"]);
  expect(notes[0]?.detail).toContain("egroup sites");
  expect(told).toEqual(["site-1"]);
});

test("the sweep visits all connected sites, some at a time, and begins again", async () => {
  connected = Array.from({ length: 450 }, (_, index) => `site-${index + 1}`);
  start();
  await reaches(() => told.length >= 900);
  expect(told.slice(0, 200)).toEqual(connected.slice(250));
  expect(new Set(told.slice(0, 450)).size).toBe(450);
  expect(told.slice(450, 650)).toEqual(connected.slice(250));
});

test("no site is missed in a sweep while others leave", async () => {
  connected = Array.from({ length: 450 }, (_, index) => `site-${index + 1}`);
  start();
  await reaches(() => told.length >= 200);
  connected = connected.slice(30);
  await reaches(() => told.length >= 420);
  expect(connected.filter((peerId) => !told.includes(peerId))).toEqual([]);
});

test("with another database, the rows of all its connected sites are read again", async () => {
  connected = Array.from({ length: 250 }, (_, index) => `site-${index + 1}`);
  await recheckConnected(daemon(EVERY_MS), "sites");
  expect(told.toSorted()).toEqual(connected.toSorted());
  await recheckConnected(daemon(EVERY_MS), "others");
  expect(told.length).toBe(250);
});

test("a row that is written in SQLite is reported at the next look, connected or not", async () => {
  const folder = createFolder();
  const settings = { ...SQLITE, columns: WITH_CHANGED, path: folder.path("peers.db") };
  const opened = openPeers(settings);
  if (!opened.ok) throw new Error(opened.error.detail);
  const peers = opened.value;
  await peers.init();
  await peers.add({ peerid: "site-1", password: "k" });
  polling = startPolling({ ...daemon(EVERY_MS), peers: new Map([["sites", peers]]) });
  await Bun.sleep(2 * EVERY_MS);
  expect(told).toEqual([]);
  await peers.add({ peerid: "site-2", password: "k" });
  const database = new Database(folder.path("peers.db"));
  database.run("update eroutes set password = 'new' where peerid = 'site-1'");
  database.close();
  await reaches(() => told.length >= 2);
  expect(new Set(told)).toEqual(new Set(["site-1", "site-2"]));
  await Bun.sleep(2 * EVERY_MS);
  expect(told.length).toBe(2);
  polling.stop();
  await peers.close();
  folder.dispose();
});

test("off, or another interval after a reload; an unchanged one continues", async () => {
  const polled = daemon(EVERY_MS);
  polling = startPolling(polled);
  await reaches(() => asked.length >= 2);
  polling.configure();
  const before = asked.length;
  await Bun.sleep(EVERY_MS / 2);
  // If it had started again, it would have asked at once.
  expect(asked.length - before).toBeLessThanOrEqual(1);
  polled.config = configured(undefined);
  polling.configure();
  await Bun.sleep(20);
  const off = asked.length;
  await Bun.sleep(3 * EVERY_MS);
  expect(asked.length).toBe(off);
});

function changed(watermark: string, ...peerids: readonly string[]): ChangedRows {
  return { watermark, peerids };
}

function start(): void {
  polling = startPolling(daemon(EVERY_MS));
}

function configured(everyMs: number | undefined) {
  const interval = everyMs === undefined ? "off" : `${everyMs}ms`;
  return config(FLEET.replace("[[eroute]]", `poll_interval = "${interval}"\n[[eroute]]`));
}

function daemon(everyMs: number): Polled & { config: Polled["config"] } {
  const { snapshot } = sampleSource({ sites: 1 });
  const [view] = snapshot().eroutes(0, 1);
  const views = (): readonly ErouteView[] =>
    connected.flatMap((peerId) => (view === undefined ? [] : { ...view, peerId }));
  return {
    config: configured(everyMs),
    peers: new Map([["sites", repository()]]),
    concentrator: {
      snapshot: () => ({
        ...snapshot(),
        gauges: { ...snapshot().gauges, dynamicEroutes: connected.length },
        eroutes: (offset, limit) => views().slice(offset, offset + limit),
      }),
    },
    shell: { feed: (event) => void told.push(peerOf(event)) },
    note: (entry) => void notes.push(entry),
  };
}

function peerOf(event: Event): string {
  return event.kind === "row-changed" ? event.peerId : `not a changed row: ${event.kind}`;
}

/** Answers in order; the last one repeatedly, without rows. */
function repository(): PeerRepository {
  const opened = openPeers({ ...SQLITE, columns: DEFAULT_COLUMNS, path: "/nowhere/peers.db" });
  if (!opened.ok) throw new Error(opened.error.detail);
  let last = "m0";
  return {
    ...opened.value,
    changedSince(watermark) {
      asked.push(watermark);
      const answer = answers.shift() ?? { watermark: last, peerids: [] };
      if (answer === "down") return Promise.resolve(err({ kind: "unreachable", detail: "down" }));
      last = answer.watermark;
      return Promise.resolve(ok(answer));
    },
  };
}

async function reaches(isDone: () => boolean): Promise<void> {
  for (let i = 0; i < 1_000 && !isDone(); i++) await Bun.sleep(5);
  expect(isDone()).toBe(true);
}
