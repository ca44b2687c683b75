/** The journal: what it keeps of texts from rows and strangers. */

import { expect, test } from "bun:test";
import { createJournal } from "../../../src/concentrator/journal/create-journal.ts";
import type { JournalEntry } from "../../../src/concentrator/journal/journal.ts";

const ENTRY: JournalEntry = {
  ...{ level: "warning", step: "IKE_AUTH", outcome: "failed", reason: "bad-mask" },
  ...{ peerId: "site-1", eroute: undefined, remote: "192.0.2.7:500", ikeSa: undefined },
  detail: "the mask is not one",
};

test("a harmless entry is kept unchanged, with a number", () => {
  const journal = createJournal(4);
  expect(journal.add(ENTRY, 5)).toEqual({ ...ENTRY, sequence: 1, wallMs: 5 });
  expect(journal.recent(10)).toEqual([{ ...ENTRY, sequence: 1, wallMs: 5 }]);
});

test("a row's text can neither forge a line of the log nor command a terminal", () => {
  const detail = 'remip is "x\n2030-01-01 info ready\u001b[2J\u009b\u202e\u2028"';
  const { detail: kept } = createJournal(1).add({ ...ENTRY, detail, peerId: "a\r\nb" }, 0);
  expect(kept).toBe('remip is "x / 2030-01-01 info ready?[2J???"');
  expect(createJournal(1).add({ ...ENTRY, peerId: "a\r\nb" }, 0).peerId).toBe("a / b");
});

test("texts and lists of any size are cut: a full journal takes megabytes, not gigabytes", () => {
  const huge = "x".repeat(100_000);
  const record = createJournal(1).add(
    { ...ENTRY, detail: huge, peerId: huge, eroute: huge, offered: Array(255).fill(huge) },
    0,
  );
  expect(JSON.stringify(record).length).toBeLessThan(25_000);
  expect(record.offered?.at(-1)).toBe("and 239 more");
});

test("the oldest is removed, and the sequence shows how many were", () => {
  const journal = createJournal(2);
  for (let i = 0; i < 5; i++) journal.add(ENTRY, i);
  expect(journal.recent(10).map(({ sequence }) => sequence)).toEqual([4, 5]);
  expect(journal.recent(10, 4).map(({ sequence }) => sequence)).toEqual([5]);
});
