/** Histories as octets: they are as lists of attempts would be. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { type JournalRecord, recordOf } from "../../../src/concentrator/journal/journal.ts";
import { RecordCodec } from "../../../src/concentrator/journal/record-codec.ts";
import { ATTEMPT_OUTCOMES, type Attempt, addAttempt } from "../../../src/why/attempt.ts";
import { Histories } from "../../../src/why/histories.ts";

const step = fc.record({
  key: fc.nat(9).map((n) => `site-${n}`),
  isDelete: fc.nat(12).map((n) => n === 0),
  outcome: fc.constantFrom(...ATTEMPT_OUTCOMES),
  reason: fc.constantFrom("wrong-psk", "child-sa-up", "no-row", "kernel-refused", "timeout"),
  host: fc.nat(2),
  detail: fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.constant("ü".repeat(1_000))),
  offered: fc.option(fc.array(fc.string(), { maxLength: 3 }), { nil: undefined }),
});

test("whatever happens to sites, each has the history that a list would have", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: "max" }), (steps) => {
      const max = 6;
      const histories = new Histories(max, new RecordCodec());
      const model = new Map<string, Attempt[]>();
      for (const [at, { key, isDelete, outcome, ...said }] of steps.entries()) {
        if (isDelete) {
          histories.delete(key);
          model.delete(key);
          continue;
        }
        const record = recordAt(at, key, said);
        const kept = histories.get(key);
        expect(kept).toStrictEqual(model.get(key) ?? []);
        addAttempt(kept, outcome, record);
        histories.put(key, kept);
        const history = model.get(key) ?? [];
        addAttempt(history, outcome, record);
        model.delete(key);
        model.set(key, history);
        for (const oldest of [...model.keys()].slice(0, -max)) model.delete(oldest);
        expect(histories.size).toBe(model.size);
      }
      const last = [...model.values()].flatMap((history) => history.at(-1) ?? []).reverse();
      const lastOnes = histories.keys().map((key) => histories.lastOf(key));
      expect(lastOnes).toStrictEqual(last);
      const isEnd = (outcome: Attempt["outcome"]) => outcome === "ended";
      const ends = histories.keys(isEnd).map((key) => histories.lastOf(key));
      expect(ends).toStrictEqual(last.filter(({ outcome }) => isEnd(outcome)));
      for (const [key, history] of model) expect(histories.get(key)).toStrictEqual(history);
    }),
    { numRuns: 60 },
  );
});

function recordAt(
  at: number,
  peerId: string,
  {
    host,
    reason,
    detail,
    offered,
  }: Pick<JournalRecord, "reason" | "detail"> & {
    readonly host: number;
    readonly offered: readonly string[] | undefined;
  },
): JournalRecord {
  return recordOf(
    {
      ...{ level: "info", step: "IKE_AUTH", outcome: "ok", reason, detail, peerId },
      ...{ eroute: undefined, remote: `192.0.2.${host}:500`, ikeSa: `${at % 3}` },
      ...(offered && { offered }),
    },
    at,
    1_000 + at,
  );
}
