/** Documents in memory that outlives the process: whatever instruction it ends at, one is whole. */

import { expect, test } from "bun:test";
import { SEGMENT_OCTETS } from "../../../../src/daemon/keep/slab.ts";
import { type Memory, Slots } from "../../../../src/daemon/keep/slots.ts";
import { createPrng } from "../../../simulation/prng.ts";

const checksum = (octets: Uint8Array): number => Bun.hash.crc32(octets);

/** Segments that can be copied as they are at any moment. */
function memoryOf(segmentsMax = 64): Memory & { readonly segments: Uint8Array[] } {
  const segments: Uint8Array[] = [];
  return {
    segments,
    checksum,
    grow() {
      if (segments.length >= segmentsMax) return undefined;
      const segment = new Uint8Array(SEGMENT_OCTETS);
      segments.push(segment);
      return segment;
    },
  };
}

function copyOf(segments: readonly Uint8Array[]): Uint8Array[] {
  return segments.map((segment) => segment.slice());
}

function readBack(segments: readonly Uint8Array[]): { slots: Slots; found: string[] } {
  const slots = new Slots({ grow: () => undefined, checksum }, segments);
  const found = [...slots.found()].map(({ content }) => new TextDecoder().decode(content));
  return { slots, found };
}

const textOf = (name: string, version: number, length: number) =>
  new TextEncoder().encode(`${name} ${version} `.padEnd(length, `${version}`));

test("documents come back in the order in which they were first put, in their last version", () => {
  const memory = memoryOf();
  const slots = new Slots(memory);
  for (const name of ["head", "b", "a"]) slots.put(name, textOf(name, 1, 50));
  slots.put("head", textOf("head", 2, 500));
  slots.put("a", textOf("a", 2, 30_000));
  slots.remove("b");
  const { found } = readBack(copyOf(memory.segments));
  expect(found.map((text) => text.slice(0, text.indexOf(" ") + 2))).toEqual(["head 2", "a 2"]);
  expect(found.map(({ length }) => length)).toEqual([500, 30_000]);
});

test("a process that ends after any octet leaves the former version or the next one", () => {
  for (const lengths of [
    [100, 120],
    [600, 20_000],
    [20_000, 600],
    [20_000, 20_500],
  ] as const) {
    const memory = memoryOf();
    const slots = new Slots(memory);
    slots.put("other", textOf("other", 1, 300));
    slots.put("one", textOf("one", 1, lengths[0]));
    const before = copyOf(memory.segments);
    const writes = writesDuring(memory, () => slots.put("one", textOf("one", 2, lengths[1])));
    let octets = 0;
    for (const { length } of writes) octets += length;
    expect(octets).toBeGreaterThan(lengths[0]);
    const seen = new Set<string>();
    // Every prefix of small writes, and each 97th of long ones.
    for (const state of prefixesOf(before, writes)) {
      const { slots: next, found } = readBack(state);
      expect(found.length).toBe(2);
      expect(found[0]?.slice(0, 7)).toBe("other 1");
      const [version] = [found[1]?.slice(0, 5) ?? ""];
      expect(["one 1", "one 2"]).toContain(version);
      expect(found[1]?.length).toBe(version === "one 1" ? lengths[0] : lengths[1]);
      expect(next.damaged).toBe(0);
      seen.add(version);
    }
    expect([...seen].sort()).toEqual(["one 1", "one 2"]);
  }
});

type Write = {
  readonly segment: number;
  readonly at: number;
  readonly octets: Uint8Array;
  readonly length: number;
};

/** What is written meanwhile, in the order of the writes. */
function writesDuring(
  { segments }: { readonly segments: Uint8Array[] },
  work: () => void,
): Write[] {
  const writes: Write[] = [];
  const note = (buffer: ArrayBufferLike, at: number, octets: Uint8Array) => {
    const segment = segments.findIndex((one) => one.buffer === buffer);
    if (segment >= 0) writes.push({ segment, at, octets, length: octets.length });
  };
  const set = Uint8Array.prototype.set;
  const fill = Uint8Array.prototype.fill;
  const { setUint32, setUint16 } = DataView.prototype;
  const noteView = (view: DataView, at: number, octets: number) => {
    const from = view.byteOffset + at;
    note(view.buffer, from, new Uint8Array(view.buffer, from, octets).slice());
  };
  Uint8Array.prototype.set = function (this: Uint8Array, source, at = 0) {
    set.call(this, source, at);
    note(this.buffer, this.byteOffset + at, Uint8Array.from(source));
  };
  Uint8Array.prototype.fill = function (this: Uint8Array, value, from = 0, to = this.length) {
    fill.call(this, value, from, to);
    note(this.buffer, this.byteOffset + from, this.slice(from, to));
    return this;
  };
  DataView.prototype.setUint32 = function (this: DataView, at, value, little) {
    setUint32.call(this, at, value, little);
    noteView(this, at, 4);
  };
  DataView.prototype.setUint16 = function (this: DataView, at, value, little) {
    setUint16.call(this, at, value, little);
    noteView(this, at, 2);
  };
  try {
    work();
  } finally {
    Uint8Array.prototype.set = set;
    Uint8Array.prototype.fill = fill;
    DataView.prototype.setUint32 = setUint32;
    DataView.prototype.setUint16 = setUint16;
  }
  return writes;
}

function* prefixesOf(before: readonly Uint8Array[], writes: readonly Write[]) {
  const state = copyOf(before);
  for (const { segment, at, octets } of writes) {
    const step = octets.length > 64 ? 997 : 1;
    for (let done = 0; done < octets.length; done += step) {
      const cut = copyOf(state);
      cut[segment]?.set(octets.subarray(0, done), at);
      yield cut;
    }
    state[segment]?.set(octets, at);
  }
  yield copyOf(state);
}

test("after the end of a version nothing of it is left, and a removed document is wiped", () => {
  const memory = memoryOf();
  const slots = new Slots(memory);
  slots.put("one", textOf("secret-1", 1, 900));
  slots.put("one", textOf("secret-2", 2, 3_000));
  const has = (word: string) => memory.segments.some((one) => Buffer.from(one).includes(word));
  expect([has("secret-1"), has("secret-2")]).toEqual([false, true]);
  slots.remove("one");
  expect(has("secret")).toBe(false);
  expect(slots.octets).toBe(0);
});

test("a changed octet costs that document only", () => {
  const memory = memoryOf();
  const slots = new Slots(memory);
  for (let i = 0; i < 10; i++) slots.put(`${i}`, textOf(`name-${i}`, 1, 200));
  const state = copyOf(memory.segments);
  const at = Buffer.from(state[0] ?? []).indexOf("name-4");
  state[0]?.fill(0xff, at, at + 1);
  const { slots: next, found } = readBack(state);
  expect(found.length).toBe(9);
  expect(next.damaged).toBe(1);
});

test("documents that grow and shrink at random take bounded room, and all come back", () => {
  const prng = createPrng(7);
  const memory = memoryOf();
  let slots = new Slots(memory);
  const wanted = new Map<string, string>();
  for (let round = 0; round < 6_000; round++) {
    const name = `site-${prng.below(200)}`;
    if (prng.below(10) === 0) {
      slots.remove(name);
      wanted.delete(name);
      continue;
    }
    const text = `${name} ${round} `.padEnd(40 + prng.below(prng.below(40) === 0 ? 12_000 : 1_800));
    expect(slots.put(name, new TextEncoder().encode(text))).toBe(true);
    wanted.set(name, text);
    if (round % 1_500 !== 1_499) continue;
    const next = new Slots(memory, memory.segments);
    for (const { number, content } of next.found()) {
      const found = new TextDecoder().decode(content);
      const [of = ""] = found.split(" ");
      expect(found).toBe(wanted.get(of) ?? "");
      next.adopt(number, of);
    }
    expect(next.documents).toBe(wanted.size);
    slots = next;
  }
  expect(memory.segments.length).toBeLessThan(4);
});

test("without room nothing changes, and what there was stays", () => {
  const memory = memoryOf(1);
  const slots = new Slots(memory);
  expect(slots.put("one", textOf("one", 1, 100))).toBe(true);
  expect(slots.put("huge", new Uint8Array(2 * SEGMENT_OCTETS))).toBe(false);
  expect(slots.put("one", new Uint8Array(2 * SEGMENT_OCTETS))).toBe(false);
  expect(readBack(copyOf(memory.segments)).found.length).toBe(1);
});
