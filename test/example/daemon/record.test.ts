/** Everything that happens is counted, and part of it written. */

import { afterEach, expect, jest, test } from "bun:test";
import { createJournal } from "../../../src/concentrator/journal/create-journal.ts";
import { FOLD_MS } from "../../../src/concentrator/journal/fold.ts";
import type { JournalEntry, JournalRecord } from "../../../src/concentrator/journal/journal.ts";
import { createRecorder } from "../../../src/daemon/record.ts";
import { asInstant } from "../../../src/octets/instant.ts";
import { createAttempts } from "../../../src/why/attempts.ts";
import { createFailureCounts } from "../../../src/why/failure-counts.ts";

const ENTRY: JournalEntry = {
  ...{ level: "warning", step: "IKE_AUTH", outcome: "failed", reason: "wrong-psk" },
  ...{ peerId: "site-1", eroute: undefined, remote: "192.0.2.7:500", ikeSa: undefined },
  detail: "the key is another",
};

afterEach(() => void jest.useRealTimers());

function setUp() {
  const clock = { ms: 0 };
  const lines: JournalRecord[] = [];
  const journal = createJournal(100);
  const attempts = createAttempts();
  const failures = createFailureCounts();
  const recorder = createRecorder({
    ...{ journal, attempts, failures, listeners: new Set() },
    log: { write: (record) => void lines.push(record) },
    debugging: { wants: () => false },
    now: () => asInstant(clock.ms),
    wallMs: () => 1_000 + clock.ms,
  });
  return { clock, lines, journal, attempts, failures, recorder };
}

test("of 1,322 failures log and journal get eleven lines; `why` and metrics count all", () => {
  jest.useFakeTimers();
  const { clock, lines, journal, attempts, failures, recorder } = setUp();
  for (let i = 0; i < 1_322; i++) recorder.record(ENTRY);
  expect(lines).toHaveLength(10);
  clock.ms += FOLD_MS;
  jest.advanceTimersByTime(FOLD_MS);
  expect(lines.at(-1)?.detail).toBe("the key is another (and 1,311 more like it, in 30 s)");
  expect(journal.recent(100)).toEqual(lines);
  expect(attempts.ofPeer("site-1")[0]).toMatchObject({ times: 1_322 });
  expect(attempts.ofPeer("site-1")[0]?.record.detail).toBe("the key is another");
  expect(failures.counts.get("wrong-psk")).toBe(1_322);
  expect(recorder.folded).toBe(1_312);
});

test("what was left out is reported when erouted ends", () => {
  const { lines, recorder } = setUp();
  for (let i = 0; i < 30; i++) recorder.record(ENTRY);
  recorder.stop();
  expect(lines.at(-1)?.folded).toBe(19);
});
