/** IKE SAs that go on from an older copy of themselves, and in the middle of an exchange. */

import { expect, test } from "bun:test";
import { localSpi } from "../../src/ike/sa-id.ts";
import type { Place } from "../../src/ike/state/written-ike-sa.ts";
import { readIkeSa, writeIkeSa } from "../../src/ike/state/written-ike-sa.ts";
import { saIdOf } from "../../src/ike/v2/every-phase.ts";
import { connectedEnds, type Ends, established, type IkeEnd } from "./ends.ts";
import { createIvLog, noteIv } from "./ivs.ts";

const WALL_MS = 1_800_000_000_000;

function placeOf(ends: Ends, generation: number): Place {
  return { anchor: { now: ends.now(), wallMs: WALL_MS + ends.now() }, generation };
}

function writtenOf(ends: Ends, end: IkeEnd, generation: number): Uint8Array {
  const document = writeIkeSa(established(end), placeOf(ends, generation));
  if (document === undefined) throw new Error("it is up");
  return document;
}

/** The end goes on from a written copy, however old. */
function goOn(ends: Ends, end: IkeEnd, document: Uint8Array, generation: number): void {
  const read = readIkeSa(document, placeOf(ends, generation));
  if (!read.ok) throw new Error(read.error.detail);
  end.sas.clear();
  const sa = read.value;
  if ("version" in sa) throw new Error("it is of IKEv1");
  end.sas.set(localSpi(saIdOf(sa)), sa);
}

/** IVs under which the ends have sealed two different messages so far. */
function repeatsOf(ends: Ends): readonly string[] {
  const log = createIvLog();
  for (const { octets } of ends.wire) noteIv(log, octets);
  return log.repeats;
}

/**
 * End a sends a request, goes back to an older copy, and sends another request with the same ID.
 */
function goneBack(generations: readonly number[]): Ends {
  const ends = connectedEnds();
  const old = writtenOf(ends, ends.a, 0);
  const { spiIn } = established(ends.a).children[0] ?? { spiIn: 0 };
  ends.feed(ends.a, { kind: "rekey-child", spiIn });
  ends.run();
  for (const generation of generations) {
    const { nextId } = established(ends.a).outbound;
    goOn(ends, ends.a, old, generation);
    expect(established(ends.a).outbound.nextId).toBeLessThan(nextId);
    ends.feed(ends.a, { kind: generation % 2 === 0 ? "rekey-ike" : "check-liveness" });
    if (generation % 2 === 1) ends.feed(ends.a, { kind: "close-child", spiIn });
    ends.run();
  }
  return ends;
}

test("an older copy that goes on seals other messages with the same IDs, and no IV twice", () => {
  expect(repeatsOf(goneBack([1]))).toEqual([]);
});

test("the same copy read by one process after the other: no IV twice", () => {
  const ends = goneBack([1, 2, 3, 5]);
  expect(ends.wire.length).toBeGreaterThan(8);
  expect(repeatsOf(ends)).toEqual([]);
});

test("planted: keys that go on in their old epoch are found", () => {
  const ends = connectedEnds();
  const before = established(ends.a);
  const keys = structuredClone(before.keys);
  const { spiIn } = before.children[0] ?? { spiIn: 0 };
  ends.feed(ends.a, { kind: "rekey-child", spiIn });
  ends.run();
  ends.a.sas.set(before.id.spiI, { ...before, keys });
  ends.feed(ends.a, { kind: "close-child", spiIn });
  expect(repeatsOf(ends)).toHaveLength(1);
});

test("a rekey begins anew with epoch 0, under new keys", () => {
  const ends = connectedEnds();
  for (const end of [ends.a, ends.b]) goOn(ends, end, writtenOf(ends, end, 0), 1);
  expect(established(ends.a).keys.epoch).toBe(1);
  ends.feed(ends.a, { kind: "rekey-ike" });
  ends.run();
  expect([established(ends.a).keys.epoch, established(ends.b).keys.epoch]).toEqual([0, 0]);
  expect(repeatsOf(ends)).toEqual([]);
});

test("both ends, written and read at each datagram of every exchange, notice nothing", () => {
  let generation = 0;
  let ends: Ends | undefined;
  const reread = (): void => {
    if (ends === undefined) return;
    generation++;
    for (const end of [ends.a, ends.b]) {
      for (const [spi, sa] of end.sas) {
        const document = writeIkeSa(sa, placeOf(ends, generation));
        if (document === undefined) continue;
        const read = readIkeSa(document, placeOf(ends, generation + 1));
        if (!read.ok) throw new Error(read.error.detail);
        const again = read.value;
        if ("version" in again) throw new Error("it is of IKEv1");
        end.sas.set(spi, again);
      }
    }
  };
  ends = connectedEnds({
    onWay: ({ octets }) => {
      reread();
      return octets;
    },
  });
  for (let round = 0; round < 3; round++) {
    const { spiIn } = established(ends.a).children[0] ?? { spiIn: 0 };
    ends.feed(ends.a, { kind: "rekey-child", spiIn });
    ends.feed(ends.b, { kind: "rekey-ike" });
    ends.run();
    ends.advance(60_000);
  }
  const [a, b] = [established(ends.a), established(ends.b)];
  expect(a.id.spiI).toBe(b.id.spiI);
  expect(a.children.map(({ spiIn }) => spiIn)).toEqual(b.children.map(({ spiOut }) => spiOut));
  expect(a.children).toHaveLength(1);
  expect(generation).toBeGreaterThan(12);
  expect(repeatsOf(ends)).toEqual([]);
});
