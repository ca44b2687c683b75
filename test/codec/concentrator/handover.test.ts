/** What a process hands to the next one: what is not whole is refused in words, never thrown. */

import { expect, test } from "bun:test";
import { type Concentrator, createConcentrator } from "../../../src/concentrator/concentrator.ts";
import { type Part, part } from "../../../src/concentrator/handover/part.ts";
import { sha256 } from "../../../src/crypto/hash.ts";
import { readDocument, STATE_VERSION, writeDocument } from "../../../src/ike/state/document.ts";
import { list, u8 } from "../../../src/octets/codec.ts";
import { asInstant } from "../../../src/octets/instant.ts";
import { decode } from "../../../src/octets/reader.ts";
import { interned } from "../../../src/octets/shared-codec.ts";
import { live } from "../../simulation/life.ts";
import { livePair } from "../../simulation/pair/life.ts";
import { createPrng } from "../../simulation/prng.ts";
import type { HandOver } from "../../simulation/succession.ts";

const CHECKSUM_AT = 12;
const CONTENT_AT = 20;

/** What processes of several worlds have left. */
const HAND_OVERS: readonly HandOver[] = [
  ...[1, 4, 7, 10, 13, 16].map((seed) => live(seed).succession),
  ...[2, 3, 6, 9, 11, 15, 19, 23].flatMap((seed) => {
    const { pair } = livePair(seed);
    return [pair.a.succession, pair.b.succession];
  }),
].flatMap((succession) => succession.last() ?? []);

/** The first document of each kind, with the hand-over that it is of. */
const KINDS = new Map(
  HAND_OVERS.flatMap((handOver) =>
    handOver.documents.map((document) => [kindOf(document), { handOver, document }] as const),
  ).reverse(),
);

function kindOf(document: Uint8Array): Part["kind"] {
  const read = readDocument(part, document, { now: 0, wallMs: 0 });
  if (!read.ok) throw new Error(read.error.detail);
  return read.value.value.kind;
}

type Reader = { readonly next: Concentrator; readonly read: (document: Uint8Array) => string };

/** An empty process; what it reads is `read`, or the kind of the fault. */
function readerOf({ plan, place }: HandOver, generation = place.generation): Reader {
  const prng = createPrng(1);
  const random = (count: number) => prng.octets(count);
  const next = createConcentrator({ plan, now: asInstant(place.anchor.now), random });
  const successor = next.takeOver({ ...place, generation });
  return {
    next,
    read(document) {
      const read = successor.read(document);
      if (!read.ok) expect(read.error.detail.length).toBeGreaterThan(0);
      return read.ok ? "read" : read.error.kind;
    },
  };
}

/** One that has read the head, so that all other documents may follow. */
function begunReaderOf(handOver: HandOver): Reader {
  const reader = readerOf(handOver);
  const [head] = handOver.documents;
  if (head === undefined) throw new Error("there is one");
  reader.read(head);
  return reader;
}

test("the documents are of every kind that worlds bring about", () => {
  expect(HAND_OVERS.length).toBeGreaterThan(8);
  expect([...KINDS.keys()].sort()).toEqual(["end", "head", "ike-sas", "kernel", "site"]);
});

test("cut short anywhere: refused, and nothing is changed by it", () => {
  for (const [kind, { handOver, document }] of KINDS) {
    const { next, read } = kind === "head" ? readerOf(handOver) : begunReaderOf(handOver);
    for (let length = 0; length < document.length; length++) {
      const cut = document.subarray(0, length);
      expect(read(cut)).toBe("truncated");
      if (length >= CONTENT_AT) expect(read(reframed(cut))).toBe("malformed");
    }
    expect(next.snapshot().erouteCount).toBe(0);
    expect(next.tableSizes().ikeSas).toBe(0);
    expect(next.tableSizes().childSas).toBe(0);
  }
});

test("any flipped bit is found by the checksum; where it is made right, nothing throws", () => {
  const prng = createPrng(3);
  for (let round = 0; round < 1_500; round++) {
    const handOver = HAND_OVERS[prng.below(HAND_OVERS.length)];
    if (handOver === undefined) throw new Error("there are some");
    const at = prng.below(handOver.documents.length);
    const { next, read } = readerOf(handOver);
    for (const [index, document] of handOver.documents.entries()) {
      if (index !== at) {
        read(document);
        continue;
      }
      const flipped = document.slice();
      const place = prng.below(flipped.length);
      flipped[place] = (flipped[place] ?? 0) ^ (1 << prng.below(8));
      expect(read(flipped)).not.toBe("read");
      read(reframed(flipped));
    }
    next.tableSizes();
    next.snapshot().eroutes(0, 100);
  }
});

test("noise that is framed as a document is refused, never thrown", () => {
  const prng = createPrng(4);
  for (const { handOver, document } of KINDS.values()) {
    const { read } = begunReaderOf(handOver);
    for (let round = 0; round < 400; round++) {
      const noise = document.slice(0, CONTENT_AT + 5 + prng.below(2_000));
      noise.set(prng.octets(noise.length - CONTENT_AT - 5), CONTENT_AT + 5);
      expect(read(reframed(noise))).not.toBe("read");
    }
  }
});

test("no number that claims billions of anything takes memory for them", () => {
  const before = process.memoryUsage().heapUsed;
  for (const { handOver, document } of KINDS.values()) {
    const { read } = begunReaderOf(handOver);
    for (let at = CONTENT_AT; at + 4 <= document.length; at++) {
      const claiming = document.slice();
      claiming.fill(0xff, at, at + 4);
      read(reframed(claiming));
    }
  }
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(100_000_000);
});

test("each refusal says why: version, generation, order, what is there, what is missing", () => {
  const [handOver] = HAND_OVERS.filter(({ documents }) => documents.some(isSite));
  if (handOver === undefined) throw new Error("there is one");
  const [head, ...others] = handOver.documents;
  const site = others.find(isSite);
  const end = others.at(-1);
  if (head === undefined || site === undefined || end === undefined) throw new Error("they are");
  const newer = head.slice();
  newer[7] = STATE_VERSION + 1;
  const { read, next } = readerOf(handOver);
  expect(read(newer)).toBe("unknown-version");
  const late = readerOf(handOver, handOver.place.generation - 1);
  expect(late.read(head)).toBe("generation-not-later");
  expect(readerOf(handOver).read(site)).toBe("malformed");
  const again = begunReaderOf(handOver);
  expect(again.read(head)).toBe("malformed");
  expect(again.read(site)).toBe("read");
  expect(again.read(site)).toBe("malformed");
  expect(again.next.snapshot().erouteCount).toBe(1);
  expect(again.read(end)).toBe("truncated");
  expect(next.snapshot().erouteCount).toBe(0);
  const bare = begunReaderOf({ ...handOver, plan: { ...handOver.plan, eroutes: [] } });
  expect(bare.read(site)).toBe("no-eroute");
});

function isSite(document: Uint8Array): boolean {
  return kindOf(document) === "site";
}

test("what many sites have in common is one value once they are read", () => {
  const codec = interned(list(u8, 9));
  const table = new Map();
  const reading = (octets: readonly number[]) =>
    decode(Uint8Array.from(octets), "test", (r) =>
      codec.read({ r, anchor: { now: 0, wallMs: 0 }, shared: new Map(), interned: table }),
    );
  const [first, second, other] = [
    [2, 7, 8],
    [2, 7, 8],
    [2, 7, 9],
  ].map(reading);
  if (!(first?.ok && second?.ok && other?.ok)) throw new Error("they are read");
  expect(second.value).toBe(first.value);
  expect(other.value).toEqual([7, 9]);
});

test("subnets that several sites share, in their order", () => {
  const reach: Part = {
    kind: "reach",
    reach: [{ subnet: { family: 4, value: 0xc0a8_0100n, length: 24 }, keys: ["b", "a"] }],
  };
  const place = { anchor: { now: 0, wallMs: 1 }, generation: 1 };
  const read = readDocument(part, writeDocument(part, reach, place), place.anchor);
  expect(read.ok ? read.value.value : read.error).toEqual(reach);
});

/** With the length and checksum of what is inside now. */
function reframed(document: Uint8Array): Uint8Array {
  const made = document.slice();
  new DataView(made.buffer).setUint32(CHECKSUM_AT - 4, made.length - CONTENT_AT);
  const sum = sha256(made.subarray(0, CHECKSUM_AT), made.subarray(CONTENT_AT));
  made.set(sum.subarray(0, CONTENT_AT - CHECKSUM_AT), CHECKSUM_AT);
  return made;
}
