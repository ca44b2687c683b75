/** What other programs removed from the kernel: what is kept, and what `why` says about it. */

import { expect, test } from "bun:test";
import type { JournalRecord } from "../../../src/concentrator/journal/journal.ts";
import { createRemovals } from "../../../src/why/removals.ts";

function record(peerId: string | undefined, wallMs: number): JournalRecord {
  return {
    ...{ level: "warning", step: "kernel", outcome: "note", reason: "removed-by-others" },
    ...{ eroute: undefined, remote: undefined, ikeSa: undefined, detail: "details" },
    ...{ peerId, sequence: 1, wallMs },
  };
}

test("the last one of a site and how many; then the last that names no site", () => {
  const removals = createRemovals();
  expect(removals.of("site-1")).toEqual([]);
  removals.note(record(undefined, 1));
  removals.note(record("site-1", 2));
  removals.note(record("SITE-1", 3));
  removals.note(record("site-2", 4));
  const seen = removals.of("site-1").map(({ record: { wallMs }, times }) => [wallMs, times]);
  expect(seen).toEqual([
    [3, 2],
    [1, 1],
  ]);
});

test("the site whose last loss is oldest is forgotten first", () => {
  const removals = createRemovals(2);
  for (const peerId of ["site-1", "site-2", "site-1", "site-3"]) removals.note(record(peerId, 1));
  expect(["site-1", "site-2", "site-3"].map((id) => removals.of(id).length)).toEqual([1, 0, 1]);
});
