/** Records of the journal as octets in memory: what is read equals what was written. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  JOURNAL_LEVELS,
  JOURNAL_OUTCOMES,
  JOURNAL_STEPS,
  type JournalEntry,
  type JournalRecord,
  recordOf,
} from "../../../src/concentrator/journal/journal.ts";
import { RecordCodec } from "../../../src/concentrator/journal/record-codec.ts";
import { REASONS, reasonsIn } from "../../../src/why/reason.ts";

/** Also halves of surrogate pairs, which a text that was cut may have. */
const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 10 })
    .map((units) => String.fromCharCode(...units)),
  fc.constantFrom("", "site-1", "é", "😀", "\ud83d", "x".repeat(1_001), "ü".repeat(3_000)),
);
const optional = fc.option(text, { nil: undefined });
const texts = fc.array(text, { maxLength: 5 });

/** Sites come again, as the entries of one handshake do. */
const site = fc.record({
  peerId: optional,
  remote: optional,
  ikeSa: optional,
  role: fc.constantFrom(undefined, "initiator", "responder"),
});
const eroute = fc.oneof(optional, fc.constantFrom("fleet/", "fleet/ü/"));
const said = fc.record({
  level: fc.constantFrom(...JOURNAL_LEVELS),
  step: fc.constantFrom(...JOURNAL_STEPS),
  outcome: fc.constantFrom(...JOURNAL_OUTCOMES),
  reason: fc.constantFrom(...reasonsIn(REASONS)),
  detail: text,
});
const more = fc.record({ folded: fc.nat(), offered: texts, wanted: texts }, { requiredKeys: [] });

const record = fc
  .tuple(site, eroute, said, more, fc.maxSafeNat(), fc.maxSafeNat())
  .map(([{ role, ...about }, base, entry, rest, sequence, wallMs]): JournalRecord => {
    const isOfPeer = base?.endsWith("/") === true;
    const named = { ...about, eroute: isOfPeer ? `${base}${about.peerId ?? ""}` : base };
    const whole: JournalEntry = { ...entry, ...named, ...rest, ...(role && { role }) };
    return recordOf(whole, sequence, wallMs);
  });

test("whatever a record says, it comes back", () => {
  const codec = new RecordCodec();
  fc.assert(
    fc.property(record, (one) => {
      expect(codec.read(codec.write(one))).toStrictEqual(one);
    }),
    { numRuns: 400 },
  );
});

test("so do several of one site, one after the other, read later", () => {
  const codec = new RecordCodec();
  const several = fc.tuple(record, fc.array(fc.tuple(said, more), { maxLength: 4 }));
  fc.assert(
    fc.property(several, record, ([first, others], last) => {
      const { folded: _, offered: __, wanted: ___, ...same } = first;
      const records = [first, ...others.map(([entry, rest]) => ({ ...same, ...entry, ...rest }))];
      const written = [...records, last, ...records].map((one) => codec.write(one).slice());
      expect(written.map((octets) => codec.read(octets))).toStrictEqual([
        ...records,
        last,
        ...records,
      ]);
    }),
    { numRuns: 100 },
  );
});

test("the same record is written once", () => {
  const codec = new RecordCodec();
  const [one] = fc.sample(record, 1);
  if (one === undefined) throw new Error("no record");
  expect(codec.write(one)).toBe(codec.write(one));
});

test("eroutes beyond those that have numbers are written in full", () => {
  const codec = new RecordCodec();
  const named = (n: number): JournalRecord => ({
    ...{ level: "info", step: "match", outcome: "note", reason: "created", detail: "" },
    ...{ peerId: "site-1", remote: undefined, ikeSa: undefined, sequence: n, wallMs: 0 },
    eroute: `fleet-${n}/site-1`,
  });
  const written = Array.from({ length: 5_000 }, (_, n) => codec.write(named(n)).slice());
  for (const [n, octets] of written.entries()) expect(codec.read(octets)).toEqual(named(n));
  const lengths = written.map(({ length }) => length);
  expect(lengths.at(0)).toBe(lengths.at(4_095));
  expect(lengths.at(4_999)).toBe((lengths.at(0) ?? 0) + "fleet-4999/".length);
});
