/** Events outlive the process: bounded, whole up to the last line, planted by nobody else. */

import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createJournal } from "../../../../src/concentrator/journal/create-journal.ts";
import type { JournalEntry } from "../../../../src/concentrator/journal/journal.ts";
import { EVENTS_MAX, openEventFiles } from "../../../../src/daemon/keep/event-files.ts";
import { keepEvents } from "../../../../src/daemon/keep/keep-events.ts";
import { createAttempts } from "../../../../src/why/attempts.ts";

const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "erouted-events-"));
  folders.push(folder);
  return folder;
}

const FAILED: JournalEntry = {
  level: "warning",
  step: "IKE_AUTH",
  outcome: "failed",
  reason: "wrong-psk",
  peerId: "site-1",
  eroute: "fleet/site-1",
  remote: "192.0.2.1:4500",
  role: "responder",
  ikeSa: "0102030405060708_1112131415161718",
  detail: 'the key is not that of "site-1"',
  folded: 3,
  offered: ["a", "b"],
  wanted: ["c"],
};

function recordsOf(count: number, first = 1) {
  const journal = createJournal(count);
  return Array.from({ length: count }, (_, at) => {
    const record = journal.add({ ...FAILED, detail: `event ${first + at}` }, 1_000 + at);
    return { ...record, sequence: first + at };
  });
}

function opened(folder: string) {
  const files = openEventFiles(folder);
  if (!files.ok) throw new Error(files.error);
  return files.value;
}

test("an event comes back with all its fields", () => {
  const folder = newFolder();
  const records = recordsOf(3);
  opened(folder).append(records);
  expect(opened(folder).found).toEqual(records);
});

test("at least the last 2,000 events are kept, and never more than twice as many", () => {
  const folder = newFolder();
  const files = opened(folder);
  for (let first = 1; first <= 9_001; first += 300) files.append(recordsOf(300, first));
  const { found } = opened(folder);
  expect(found.length).toBeGreaterThanOrEqual(EVENTS_MAX - 300);
  expect(found.length).toBeLessThanOrEqual(2 * EVENTS_MAX);
  const sequences = found.map(({ sequence }) => sequence);
  expect(sequences.at(-1)).toBe(9_300);
  expect(sequences).toEqual(sequences.map((_, at) => 9_300 - sequences.length + 1 + at));
});

test("a crash at any octet costs what comes after it, and the next process goes on there", () => {
  const folder = newFolder();
  const [first, second, third] = recordsOf(3);
  if (first === undefined || second === undefined || third === undefined) throw new Error("three");
  opened(folder).append([first]);
  const path = join(folder, "events.1");
  const before = Bun.file(path).size;
  opened(folder).append([second]);
  const whole = Bun.file(path).size;
  expect(before).toBeGreaterThan(0);
  for (let size = whole - 1; size >= before; size--) {
    truncateSync(path, size);
    const files = opened(folder);
    expect(files.found).toEqual([first]);
    files.append([third]);
    expect(opened(folder).found).toEqual([first, third]);
    truncateSync(path, before);
    opened(folder).append([second]);
  }
});

test("damaged lines and unknown reasons are left out, and texts are made harmless", () => {
  const folder = newFolder();
  opened(folder).append(recordsOf(1));
  const path = join(folder, "events.1");
  const good = JSON.stringify({ ...recordsOf(1, 9)[0], detail: "a\u202eb" });
  const bad = [
    "{",
    "[]",
    "null",
    good.replace("wrong-psk", "no-such-reason"),
    good.replace("wrong-psk", "toString"),
    good.replace('"warning"', '"fatal"'),
    good.replace('"sequence":9', '"sequence":-1'),
    good.replace('"wallMs":1000', '"wallMs":"now"'),
  ];
  writeFileSync(path, `${[...bad, good].join("\n")}\n`, { mode: 0o600 });
  const { found } = opened(folder);
  expect(found.map(({ sequence, detail }) => [sequence, detail])).toEqual([[9, "a?b"]]);
});

test("a link, and a file that others may read, is not read but replaced", () => {
  const folder = newFolder();
  opened(folder).append(recordsOf(2));
  const path = join(folder, "events.1");
  chmodSync(path, 0o644);
  expect(opened(folder).found).toEqual([]);
  const elsewhere = join(newFolder(), "events");
  writeFileSync(elsewhere, `${JSON.stringify(recordsOf(1)[0])}\n`, { mode: 0o600 });
  rmSync(path);
  symlinkSync(elsewhere, path);
  const files = opened(folder);
  expect(files.found).toEqual([]);
  files.append(recordsOf(5));
  expect(opened(folder).found.length).toBe(5);
  expect(Bun.file(elsewhere).size).toBeGreaterThan(0);
});

test("the next process goes on, and knows why a site was refused; farewells leave none", () => {
  const folder = newFolder();
  const run = () => {
    const [journal, attempts] = [createJournal(100), createAttempts()];
    const kept = keepEvents({ journal, attempts, note: () => undefined }, folder);
    return { journal, attempts, kept };
  };
  const first = run();
  first.attempts.note(first.journal.add(FAILED, 5_000));
  first.kept.save();
  const second = run();
  expect(second.journal.recent(10)).toEqual(first.journal.recent(10));
  expect(second.attempts.ofPeer("site-1")).toEqual(first.attempts.ofPeer("site-1"));
  expect(second.journal.add(FAILED, 6_000).sequence).toBe(2);
  second.kept.save();
  const third = run();
  expect(third.journal.recent(10).map(({ sequence }) => sequence)).toEqual([1, 2]);
  third.kept.forget();
  expect(run().journal.recent(10)).toEqual([]);
});
