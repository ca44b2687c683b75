/** The journal's memory: runs in a circle, and the shares of sources, against simple models. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { createJournal } from "../../../src/concentrator/journal/create-journal.ts";
import type { EventSource } from "../../../src/concentrator/journal/event-source.ts";
import type { JournalEntry, JournalRecord } from "../../../src/concentrator/journal/journal.ts";
import { createShares } from "../../../src/concentrator/journal/journal-shares.ts";
import { KeptRuns } from "../../../src/concentrator/journal/kept-runs.ts";

const ENTRY: JournalEntry = {
  ...{ level: "warning", step: "IKE_AUTH", outcome: "failed", reason: "wrong-psk" },
  ...{ peerId: "site-1", eroute: undefined, remote: "192.0.2.7:500", ikeSa: undefined },
  detail: "the key is another",
};

test("runs come back in order, whichever of them left before", () => {
  const max = 20;
  // Runs that together are more than the first array has room for.
  const step = fc.record({
    length: fc.oneof(fc.nat(200), fc.integer({ min: 500, max: 3_000 })),
    gap: fc.integer({ min: 1, max: 3 }),
    // Mostly the oldest leaves.
    drop: fc.oneof(fc.constant(0), fc.nat(max)),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 600, size: "max" }), (steps) => {
      const kept = new KeptRuns(max);
      const model: { sequence: number; octets: Uint8Array }[] = [];
      let sequence = 0;
      for (const { length, gap, drop } of steps) {
        sequence += gap;
        const octets = new Uint8Array(length).fill(sequence);
        kept.append(sequence, octets);
        model.push({ sequence, octets });
        if (model.length > max) {
          const [gone] = model.splice(drop % model.length, 1);
          kept.drop(kept.firstAfter((gone?.sequence ?? 0) - 1));
        }
        const from = kept.firstAfter(0);
        expect([kept.count, kept.end - from]).toEqual([model.length, model.length]);
        for (const [at, one] of model.entries()) {
          expect(kept.firstAfter(one.sequence - 1)).toBe(from + at);
          expect(Bun.hash(kept.at(from + at))).toBe(Bun.hash(one.octets));
        }
      }
    }),
    { numRuns: 30 },
  );
});

test("runs that stay for long between many that go take no more than twice their octets", () => {
  const kept = new KeptRuns(1_000);
  const octets = new Uint8Array(150);
  for (let n = 1; n <= 50_000; n++) {
    kept.append(n, octets);
    // One of a hundred stays until it is the oldest.
    const isLate = kept.count > 1_000;
    if (isLate) kept.drop(kept.firstAfter(n % 100 === 0 ? 0 : n - 2));
  }
  expect(kept.count).toBe(1_000);
  expect(kept.size).toBeLessThan(2 * 1_000 * octets.length);
});

/** The shares as they read: lists of sequences. */
function modelOf(max: number) {
  const entries: { source: EventSource; sequence: number }[] = [];
  const countOf = (key: string) => entries.filter(({ source }) => source.key === key).length;
  const shareMax = Math.max(1, Math.floor(max / 20));
  const strangersMax = Math.max(1, Math.floor(max / 2));
  return {
    add: (source: EventSource, sequence: number) => void entries.push({ source, sequence }),
    takeOldest() {
      const above = entries.filter(
        ({ source: { kind, key } }) => kind !== "daemon" && countOf(key) > shareMax,
      );
      const most = Math.max(...above.map(({ source }) => countOf(source.key)));
      const noisiest = above.filter(({ source }) => countOf(source.key) === most);
      const strangers = entries.filter(({ source }) => source.kind === "stranger");
      const from = strangers.length > strangersMax ? strangers : entries;
      // Of several that are equally noisy, any may lose its oldest.
      const oldestOf = (key: string) => entries.find(({ source }) => source.key === key)?.sequence;
      const may = new Set(noisiest.map(({ source }) => oldestOf(source.key)));
      return may.size > 0 ? may : new Set([from[0]?.sequence]);
    },
    remove: (sequence: number) => {
      entries.splice(
        entries.findIndex((entry) => entry.sequence === sequence),
        1,
      );
    },
    get size() {
      return entries.length;
    },
  };
}

test("whoever has more than its share loses its oldest entry", () => {
  const source = fc
    .tuple(fc.constantFrom("site", "stranger", "daemon"), fc.oneof(fc.nat(2), fc.nat(90)))
    .map(([kind, n]): EventSource => {
      const key = kind === "daemon" ? kind : `${kind} ${n}`;
      return { kind, key, name: key };
    });
  fc.assert(
    fc.property(fc.array(source, { minLength: 100, maxLength: 300, size: "max" }), (sources) => {
      const max = 60;
      const shares = createShares(max);
      const model = modelOf(max);
      for (const [at, one] of sources.entries()) {
        shares.add(one, at + 1);
        model.add(one, at + 1);
        if (model.size <= max) continue;
        const may = model.takeOldest();
        const gone = shares.takeOldest();
        expect(may).toContain(gone);
        model.remove(gone);
      }
    }),
    { numRuns: 50 },
  );
});

test("what the journal shows is what was added, and what was restored", () => {
  const entry = fc.record({
    peerId: fc.constantFrom(undefined, "site-1", "straße", "x".repeat(1_000)),
    detail: fc.string({ unit: "grapheme", maxLength: 300 }),
    isProven: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 120, size: "max" }), (entries) => {
      const journal = createJournal(40);
      const added: JournalRecord[] = [];
      for (const [at, more] of entries.entries()) {
        added.push(journal.add({ ...ENTRY, ...more }, at));
      }
      const kept = journal.recent(100);
      expect(kept).toHaveLength(Math.min(40, entries.length));
      expect(kept).toStrictEqual(added.filter((one) => kept.some((k) => isSame(k, one))));
      const next = createJournal(100);
      next.restore(kept);
      expect(next.following(0, 100)).toStrictEqual(kept);
    }),
    { numRuns: 100 },
  );
});

function isSame(a: JournalRecord, b: JournalRecord): boolean {
  return a.sequence === b.sequence;
}
