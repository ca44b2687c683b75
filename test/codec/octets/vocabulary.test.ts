/** Values that many documents hold: each is written once, and found again by its number. */

import { expect, test } from "bun:test";
import { type Codec, list, text, u8 } from "../../../src/octets/codec.ts";
import { Draft } from "../../../src/octets/draft.ts";
import { decode } from "../../../src/octets/reader.ts";
import { word } from "../../../src/octets/shared-codec.ts";
import { Vocabulary } from "../../../src/octets/vocabulary.ts";

const ANCHOR = { now: 0, wallMs: 0 };
const numbers = word("numbers", list(u8, 9));
const names = word("names", list(text(200), 9));

function written<T>(codec: Codec<T>, value: T, vocabulary?: Vocabulary): Uint8Array {
  const w = new Draft(1);
  codec.write({ w, anchor: ANCHOR, shared: new Map(), vocabulary }, value);
  return w.taken();
}

function readFrom<T>(codec: Codec<T>, octets: Uint8Array, vocabulary?: Vocabulary) {
  return decode(octets, "test", (r) =>
    codec.read({ r, anchor: ANCHOR, shared: new Map(), vocabulary }),
  );
}

test("equal values have one number, and are one object in the next process", () => {
  const [ours, next] = [new Vocabulary(), new Vocabulary()];
  const documents = [[1, 2], [3], [1, 2]].map((value) => written(numbers, value, ours));
  expect(documents.map((octets) => [...octets])).toEqual([
    [0, 1],
    [0, 2],
    [0, 1],
  ]);
  expect(ours.hasNew).toBe(true);
  next.load(ours.all());
  expect(ours.hasNew).toBe(false);
  expect(next.hasNew).toBe(false);
  const read = documents.map((octets) => readFrom(numbers, octets, next));
  expect(read.map((one) => one.ok && one.value)).toEqual([[1, 2], [3], [1, 2]]);
  expect(read[0]?.ok && read[2]?.ok && read[0].value === read[2].value).toBe(true);
  expect([...written(numbers, [3], next)]).toEqual([0, 2]);
  expect([...written(numbers, [4], next)]).toEqual([0, 3]);
});

test("a word of another codec, and one that nobody has written, are refused", () => {
  const vocabulary = new Vocabulary();
  const octets = written(numbers, [1], vocabulary);
  expect(readFrom(names, octets, vocabulary).ok).toBe(false);
  expect(readFrom(numbers, new Uint8Array([0, 9]), vocabulary).ok).toBe(false);
  expect(readFrom(numbers, octets).ok).toBe(false);
  const damaged = new Vocabulary();
  damaged.load([{ name: "numbers", octets: new Uint8Array([3, 1]) }]);
  expect(readFrom(numbers, octets, damaged).ok).toBe(false);
});

test("without a vocabulary, and with a full one, a value stands in the document", () => {
  const full = new Vocabulary();
  for (let at = 0; at < 1_024; at++) written(names, [`name ${at}`], full);
  expect(full.all().length).toBe(1_024);
  for (const vocabulary of [undefined, full]) {
    const octets = written(names, ["another"], vocabulary);
    const read = readFrom(names, octets);
    expect(read.ok && read.value).toEqual(["another"]);
  }
  expect([...written(names, ["name 1023"], full)]).toEqual([4, 0]);
});

test("text of any length and any letters comes back", () => {
  const long = "x".repeat(150);
  for (const value of ["", "site-1", "Köln", "日本", "\u0000\u007f\u0080", long, `${long}é`]) {
    const read = readFrom(text(200), written(text(200), value));
    expect(read.ok && read.value).toBe(value);
  }
});
