/** Floods: what journal and log show of them, and of the events of others. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createJournal } from "../../../src/concentrator/journal/create-journal.ts";
import { createFolding, FOLD_MS, type Folding } from "../../../src/concentrator/journal/fold.ts";
import type { JournalEntry, JournalStep } from "../../../src/concentrator/journal/journal.ts";
import { asInstant } from "../../../src/octets/instant.ts";
import type { Reason } from "../../../src/reason/reason.ts";

const ENTRY: JournalEntry = {
  ...{ level: "warning", step: "IKE_AUTH", outcome: "failed", reason: "wrong-psk" },
  ...{ peerId: "site-1", eroute: undefined, remote: "192.0.2.7:500", ikeSa: undefined },
  detail: "the key is another",
};

/** Together they make 60 different things that can happen to a site. */
const STEPS: readonly JournalStep[] = [
  ...(["IKE_SA_INIT", "IKE_AUTH", "CREATE_CHILD_SA"] as const),
  ...(["INFORMATIONAL", "look-up", "kernel"] as const),
];
const REASONS: readonly Reason[] = [
  ...(["no-row", "no-password", "no-subnet", "bad-subnet", "bad-mask"] as const),
  ...(["malformed", "wrong-psk", "wrong-ppk", "timeout", "no-answer"] as const),
];

/** `count` entries within ten seconds; returns the lines that are written. */
function flood(
  folding: Folding,
  count: number,
  entry: (i: number) => JournalEntry,
): readonly JournalEntry[] {
  const told: JournalEntry[] = [];
  for (let i = 0; i < count; i++) {
    const one = folding.take(entry(i), asInstant((i * 10_000) / count));
    if (one !== undefined) told.push(one);
  }
  return told;
}

describe("repeats", () => {
  test("of 20,000 failures of one ID ten have lines; one more line counts the rest", () => {
    const folding = createFolding(asInstant(0));
    const told = flood(folding, 20_000, () => ENTRY);
    expect(told).toHaveLength(10);
    const [rest, ...more] = folding.due(asInstant(FOLD_MS));
    expect(more).toEqual([]);
    expect(rest?.detail).toBe("the key is another (and 19,989 more like it, in 30 s)");
    expect(rest?.folded).toBe(19_989);
    expect(folding.folded).toBe(19_990);
    expect(folding.isWaiting).toBe(false);
  });

  test("each event is reported: by a line of its own, or counted in another", () => {
    const folding = createFolding(asInstant(0));
    const lines = [...flood(folding, 5_000, (i) => ({ ...ENTRY, peerId: `site-${i % 700}` }))];
    while (folding.isWaiting) lines.push(...folding.due(asInstant(FOLD_MS)));
    expect(lines.reduce((sum, { folded = 0 }) => sum + 1 + folded, 0)).toBe(5_000);
  });

  test("the first line after a while says how many were left out before it", () => {
    const folding = createFolding(asInstant(0));
    flood(folding, 1_323, () => ENTRY);
    const next = folding.take(ENTRY, asInstant(31_000));
    expect(next?.detail).toBe("the key is another (and 1,313 more like it, in 31 s)");
    expect(folding.take(ENTRY, asInstant(62_000))?.detail).toBe("the key is another");
  });

  test("refused CREATE_CHILD_SAs of a connected site are folded as well", () => {
    const folding = createFolding(asInstant(0));
    const refused = { ...ENTRY, step: "CREATE_CHILD_SA", outcome: "refused" } as const;
    const told = flood(folding, 20_000, () => ({ ...refused, isProven: true, eroute: "fleet" }));
    expect(told).toHaveLength(10);
  });
});

describe("shares", () => {
  test("IDs that a stranger makes up get no lines of their own beyond its prefix's share", () => {
    const folding = createFolding(asInstant(0));
    const told = flood(folding, 20_000, (i) => ({ ...ENTRY, peerId: `made-up-${i}` }));
    expect(told.length).toBeLessThanOrEqual(120);
  });

  test("addresses of one /64 are one prefix", () => {
    const folding = createFolding(asInstant(0));
    const told = flood(folding, 20_000, (i) => ({
      ...ENTRY,
      remote: `[2001:db8::${(i % 0xffff).toString(16)}]:500`,
      peerId: `made-up-${i}`,
    }));
    expect(told.length).toBeLessThanOrEqual(120);
  });

  test("strangers at thousands of prefixes get a bounded number of lines together", () => {
    const folding = createFolding(asInstant(0));
    const told = flood(folding, 20_000, (i) => ({
      ...ENTRY,
      remote: `10.${i >> 8}.${i & 0xff}.1:500`,
    }));
    expect(told.length).toBeLessThanOrEqual(300);
    expect(folding.size).toBeLessThanOrEqual(4_096);
  });

  test("a stranger that uses the ID of a site does not use up that site's share", () => {
    const folding = createFolding(asInstant(0));
    flood(folding, 20_000, () => ENTRY);
    const ofSite = { ...ENTRY, outcome: "ok", reason: "child-sa-up", isProven: true } as const;
    for (let i = 0; i < 10; i++) expect(folding.take(ofSite, asInstant(10_000))).toBe(ofSite);
  });

  test("other sites are shown during a flood of a connected one", () => {
    const folding = createFolding(asInstant(0));
    flood(folding, 20_000, (i) => {
      const step = STEPS[i % 6] ?? "match";
      const reason = REASONS[Math.trunc(i / 6) % 10] ?? "no-row";
      return { ...ENTRY, isProven: true, step, reason };
    });
    const other = { ...ENTRY, peerId: "site-2", isProven: true };
    expect(folding.take(other, asInstant(10_000))).toBe(other);
  });

  test("a traced site shows its messages, up to a limit", () => {
    const folding = createFolding(asInstant(0));
    const message = { ...ENTRY, level: "debug", outcome: "note", reason: "message" } as const;
    let told = 0;
    for (let i = 0; i < 20_000; i++) {
      if (folding.take(message, asInstant(i / 2), { isWatched: true }) !== undefined) told++;
    }
    expect(told).toBeGreaterThan(500);
    expect(told).toBeLessThanOrEqual(1_001);
  });

  test("each action of an operator is shown, with its result for the site", () => {
    const folding = createFolding(asInstant(0));
    flood(folding, 100, () => ({ ...ENTRY, isProven: true }));
    const step = "control";
    const asked = { ...ENTRY, step, outcome: "note", reason: "operator-connect" } as const;
    for (let i = 0; i < 200; i++) {
      expect(folding.take(asked, asInstant(10_000))).toBeDefined();
    }
    const next = { ...ENTRY, isProven: true };
    expect(folding.take(next, asInstant(10_000))).toBe(next);
  });
});

describe("memory", () => {
  test("sources that may do whatever new ones may are forgotten, others are not", () => {
    const folding = createFolding(asInstant(0));
    const of = (i: number, isProven: boolean) => {
      const remote = `10.0.${i >> 8}.${i & 0xff}:500`;
      return { ...ENTRY, peerId: `site-${i}`, remote, isProven };
    };
    for (let i = 0; i < 3_000; i++) folding.take(of(i, i % 20 !== 0), asInstant(i));
    expect(folding.size).toBe(3_000);
    folding.forgetQuiet(asInstant(29_000));
    expect(folding.size).toBe(3_000);
    folding.forgetQuiet(asInstant(32_500));
    // So many at a time, that no turn is long.
    expect(folding.size).toBeGreaterThan(499);
    folding.forgetQuiet(asInstant(32_500));
    expect(folding.size).toBe(499);
    folding.forgetQuiet(asInstant(33_500));
    expect(folding.size).toBe(0);
  });

  test("a source that repeats itself is remembered for as long as that counts", () => {
    const folding = createFolding(asInstant(0));
    for (let i = 0; i < 4; i++) folding.take(ENTRY, asInstant(0));
    folding.take({ ...ENTRY, peerId: "site-2", isProven: true }, asInstant(0));
    folding.forgetQuiet(asInstant(119_000));
    expect(folding.size).toBe(1);
    folding.forgetQuiet(asInstant(121_000));
    expect(folding.size).toBe(0);
  });

  test("whatever is forgotten when, the same lines are written", () => {
    const step = fc.record({
      wait: fc.oneof(fc.nat(2_000), fc.nat(90_000)),
      site: fc.nat(2),
      isProven: fc.boolean(),
      reason: fc.constantFrom(...REASONS.slice(0, 3)),
      burst: fc.integer({ min: 1, max: 40 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: "max" }), (steps) => {
        const [forgetful, other] = [createFolding(asInstant(0)), createFolding(asInstant(0))];
        let at = 0;
        for (const { wait, site, isProven, reason, burst } of steps) {
          at += wait;
          forgetful.forgetQuiet(asInstant(at));
          const entry = { ...ENTRY, peerId: `site-${site}`, isProven, reason };
          for (let n = 0; n < burst; n++) {
            const lines = [forgetful, other].map((one) => one.take(entry, asInstant(at)));
            expect(lines[0]).toEqual(lines[1]);
          }
          const due = [forgetful, other].map((one) => one.due(asInstant(at)));
          expect(due[0]).toEqual(due[1]);
        }
        expect(forgetful.folded).toBe(other.folded);
      }),
    );
  });

  test("who repeats himself all the time is never new", () => {
    const folding = createFolding(asInstant(0));
    let told = 0;
    for (let second = 0; second < 3_000; second++) {
      if (folding.take(ENTRY, asInstant(second * 1_000)) !== undefined) told++;
      folding.forgetQuiet(asInstant(second * 1_000));
    }
    expect(told).toBe(10 + 99);
  });

  test("what was left out of a forgotten source is reported all the same", () => {
    const folding = createFolding(asInstant(0));
    flood(folding, 30, () => ENTRY);
    folding.forgetQuiet(asInstant(400_000));
    expect(folding.size).toBe(0);
    expect(folding.due(asInstant(400_000))[0]?.folded).toBe(19);
  });
});

describe("the journal, when it is full", () => {
  const reasons = (journal: ReturnType<typeof createJournal>) =>
    journal.recent(1_000).map(({ reason }) => reason);

  test("a noisy prefix pushes out its own events, not those of others", () => {
    const journal = createJournal(100);
    for (let i = 0; i < 20; i++) {
      journal.add({ ...ENTRY, peerId: `other-${i}`, isProven: true, reason: "no-row" }, 0);
    }
    for (let i = 0; i < 1_000; i++) journal.add({ ...ENTRY, peerId: `made-up-${i}` }, 0);
    expect(reasons(journal).filter((reason) => reason === "no-row")).toHaveLength(20);
    expect(reasons(journal)).toHaveLength(100);
  });

  test("so does a noisy connected site", () => {
    const journal = createJournal(100);
    for (let i = 0; i < 20; i++) {
      journal.add({ ...ENTRY, remote: `10.0.0.${i}:500`, reason: "no-row" }, 0);
    }
    for (let i = 0; i < 1_000; i++) journal.add({ ...ENTRY, isProven: true }, 0);
    expect(reasons(journal).filter((reason) => reason === "no-row")).toHaveLength(20);
  });

  test("strangers at many prefixes keep no more than half of it", () => {
    const journal = createJournal(100);
    for (let i = 0; i < 60; i++) {
      journal.add({ ...ENTRY, peerId: `other-${i}`, isProven: true, reason: "no-row" }, 0);
    }
    for (let i = 0; i < 1_000; i++)
      journal.add({ ...ENTRY, remote: `10.0.${i >> 8}.${i & 0xff}:1` }, 0);
    expect(reasons(journal).filter((reason) => reason === "no-row").length).toBeGreaterThanOrEqual(
      50,
    );
  });

  test("records keep their order, and are found after a sequence number in spite of gaps", () => {
    const journal = createJournal(40);
    journal.add({ ...ENTRY, isProven: true, peerId: "other" }, 0);
    for (let i = 0; i < 100; i++) journal.add(ENTRY, 0);
    const sequences = journal.recent(100).map(({ sequence }) => sequence);
    expect(sequences).toEqual([1, ...Array.from({ length: 39 }, (_, i) => 63 + i)]);
    expect(journal.following(1, 2).map(({ sequence }) => sequence)).toEqual([63, 64]);
    expect(journal.recent(2, 100).map(({ sequence }) => sequence)).toEqual([101]);
  });

  test("whether a site has proved its ID is not in the record", () => {
    expect(createJournal(1).add({ ...ENTRY, isProven: true }, 0)).not.toHaveProperty("isProven");
  });
});
