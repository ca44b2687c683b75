/** A map in parts: it does what a `Map` does, in the same order, and is cut where it is long. */

import { heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { bigintKeys, type KeyKind, numberKeys, textKeys } from "../../../src/octets/key-column.ts";
import { LongMap } from "../../../src/octets/long-map.ts";
import { PART_ROWS_MAX, Part, partOf } from "../../../src/octets/long-map-part.ts";
import { createPrng } from "../../simulation/prng.ts";

/** More than three parts. */
const MANY = 50_000;

function isEven(value: number): boolean {
  return value % 2 === 0;
}

function numbers(count: number): LongMap<number, number> {
  const map = new LongMap<number, number>(numberKeys, isEven);
  for (let n = 0; n < count; n++) map.set(n, n);
  return map;
}

test("whatever is set and deleted, it holds what a Map holds, in the same order", () => {
  for (const keys of [50, 60_000]) {
    const random = createPrng(keys);
    const [map, model] = [
      new LongMap<number, number>(numberKeys, isEven),
      new Map<number, number>(),
    ];
    for (let step = 0; step < 100_000; step++) {
      const key = random.below(keys);
      if (random.below(5) < 2) expectSame(map.delete(key), model.delete(key));
      else {
        map.set(key, step);
        model.set(key, step);
      }
      expectSame(map.get(key), model.get(key));
      expectSame(map.has(key), model.has(key));
    }
    expect(map.size).toBe(model.size);
    expect([...map]).toEqual([...model]);
    expect([...map.keys()]).toEqual([...model.keys()]);
    expect([...map.values()]).toEqual([...model.values()]);
    for (const at of [0, 1, model.size >> 1, model.size - 1, model.size]) {
      const values = [...model.values()];
      const firstOf = (from: Iterable<number>) => [...from].slice(0, 20);
      expect(firstOf(valuesFrom(map, at))).toEqual(values.slice(at, at + 20));
      const even = values.filter(isEven).slice(at >> 1);
      expect(firstOf(valuesFrom(map, at >> 1, true))).toEqual(even.slice(0, 20));
      const odd = values.filter((value) => !isEven(value)).slice(at >> 1);
      expect(firstOf(valuesFrom(map, at >> 1, false))).toEqual(odd.slice(0, 20));
    }
  }
});

test("long texts stay what they are, however often their part is made anew", () => {
  const random = createPrng(7);
  const [map, model] = [new LongMap<string, number>(textKeys), new Map<string, number>()];
  for (let step = 0; step < 60_000; step++) {
    const number = random.below(6_000);
    const key = `${number} ${"é".repeat(number % 3)}${"x".repeat(number % 300)}`;
    if (random.below(3) === 0) expectSame(map.delete(key), model.delete(key));
    else {
      map.set(key, step);
      model.set(key, step);
    }
  }
  expect([...map]).toEqual([...model]);
});

test("a walk visits what comes meanwhile, and not what has gone", () => {
  const map = numbers(MANY);
  const seen: number[] = [];
  for (const value of map.values()) {
    seen.push(value);
    map.delete(value);
    if (value < 10) map.set(MANY + value, MANY + value);
    if (value % 1_000 === 0) map.delete(value + 1);
  }
  const expected = Array.from({ length: MANY + 10 }, (_, n) => n).filter((n) => {
    return n % 1_000 !== 1;
  });
  expect(seen).toEqual(expected);
  expect([map.size, [...map]]).toEqual([0, []]);
});

test("a walk goes on where the parts around it have gone, one after the other", () => {
  const map = numbers(MANY);
  const walk = map.values();
  walk.next();
  for (let n = 0; n < MANY - 1; n++) map.delete(n);
  for (let n = MANY; n < 2 * MANY; n++) map.set(n, n);
  for (let n = MANY - 1; n < 2 * MANY - 2; n++) map.delete(n);
  expect([...walk]).toEqual([2 * MANY - 2, 2 * MANY - 1]);
});

test("a value takes the place of the one before, and counts as it does", () => {
  const map = numbers(MANY);
  map.set(0, 7);
  expect([...valuesFrom(map, 0)].slice(0, 2)).toEqual([7, 1]);
  expect([...valuesFrom(map, 0, true)][0]).toBe(2);
  expect([...valuesFrom(map, MANY / 2 - 2, true)]).toEqual([MANY - 2]);
  expect([...valuesFrom(map, MANY / 2, false)]).toEqual([MANY - 1]);
});

test("a value far back is found without a look at those in parts before it", () => {
  let looks = 0;
  const map = new LongMap<number, number>(numberKeys, (value) => ++looks > 0 && isEven(value));
  for (let n = 0; n < MANY; n++) map.set(n, n);
  looks = 0;
  expect([...valuesFrom(map, MANY / 2 - 1, true)]).toEqual([MANY - 2]);
  expect(looks).toBeLessThanOrEqual(PART_ROWS_MAX);
});

/** Also texts of one length, that are the beginning of each other, and that are no ASCII. */
function textOf(n: number): string {
  const words = ["site-", "", "Filiale-Zürich-", "拠点-", "\ud800"];
  return `${words[n % words.length]}${n >> 2}`;
}

test.each([
  ["numbers", numberKeys<number>, (n: number) => n * 0x1_0000_0001],
  [
    "numbers of 64 bits",
    bigintKeys<bigint>,
    (n: number) => BigInt.asUintN(64, BigInt(n) * 0x9e37_79b9_7f4a_7c15n),
  ],
  ["texts", textKeys, textOf],
] as const)("keys that are %s: walks see what those over a Map see", (_, kind, keyOf) => {
  walkBoth<unknown>(kind as KeyKind<unknown>, keyOf);
});

/** Whoever chooses keys can choose such. */
const equalHashes: KeyKind<string> = (rowsMax) => {
  return Object.assign(textKeys(rowsMax), { hashOf: () => 7 });
};

/** All but the last places of an index: it goes on at its beginning. */
const lastHashes: KeyKind<number> = (rowsMax) => {
  return Object.assign(numberKeys<number>(rowsMax), { hashOf: (n: number) => -1 - (n % 3) });
};

test("keys that have one hash: walks see what those over a Map see", () => {
  walkBoth(equalHashes, textOf, [3, 40, 300]);
});

test("keys whose hashes point to the end of an index: walks see what those over a Map see", () => {
  walkBoth(lastHashes, (n) => n, [3, 40, 300]);
});

/** Walks go on while entries come, go and move, some of them over many such changes. */
function walkBoth<Key>(
  kind: KeyKind<Key>,
  keyOf: (n: number) => Key,
  sizes: readonly number[] = [3, 40, 700, 30_000],
): void {
  for (const keys of sizes) {
    const random = createPrng(keys);
    const [map, model] = [new LongMap<Key, number>(kind), new Map<Key, number>()];
    let newest: Key | undefined;
    let walks: { readonly ours: Iterator<unknown>; readonly its: Iterator<unknown> }[] = [];
    for (let step = 0; step < 60_000; step++) {
      const key = keyOf(random.below(keys));
      const draw = random.below(10);
      if (draw < 3) expectSame(map.delete(key), model.delete(key));
      else if (draw < 5) {
        const value = model.get(key);
        expectSame(map.moveToEnd(key), value);
        if (value === undefined || newest === key) continue;
        model.delete(key);
        model.set(key, value);
        newest = key;
      } else {
        map.set(key, step);
        if (!model.has(key)) newest = key;
        model.set(key, step);
      }
      expectSame(map.get(key), model.get(key));
      expectSame(map.size, model.size);
      if (step % 64 === 0) expectSame(map.firstKey(), [...model.keys()][0]);
      if (step % 500 === 0) walks.push({ ours: map.entries(), its: model.entries() });
      const going = walks[random.below(walks.length + 3)];
      if (going === undefined) continue;
      const [one, other] = [going.ours.next(), going.its.next()];
      expect(one).toEqual(other);
      if (one.done === true) walks = walks.filter((walk) => walk !== going);
    }
    expect([...map]).toEqual([...model]);
  }
}

test("entries that all have one hash are told apart", () => {
  const map = new LongMap<string, number>(equalHashes);
  for (let n = 0; n < 2_000; n++) map.set(`${n}`, n);
  for (let n = 0; n < 2_000; n++) expectSame(map.get(`${n}`), n);
  expect(map.get("2000")).toBeUndefined();
});

test("what was looked for in vain is set where its hash points, whatever was made anew", () => {
  const [map, model] = [new LongMap<string, number>(textKeys), new Map<string, number>()];
  for (let n = 0; n < 3_000; n++) {
    const [wanted, other] = [`wanted-${n}`, `other-${n >> 1}`];
    expect(map.get(wanted)).toBeUndefined();
    // Of the same map, and such that its last part is made anew at times.
    if (n % 3 === 0) map.delete(other);
    if (n % 3 === 0) model.delete(other);
    map.set(wanted, n).set(other, n);
    model.set(wanted, n).set(other, n);
    expectSame(map.get(wanted), n);
    expectSame(map.moveToEnd(wanted), n);
    model.delete(wanted);
    model.set(wanted, n);
    if (n % 2 === 0) continue;
    expectSame(map.delete(wanted), true);
    expectSame(map.has(wanted), false);
    expectSame(map.delete(wanted), false);
    model.delete(wanted);
  }
  expect([...map]).toEqual([...model]);
});

test("a part that has room, but no sequence left, keeps its rows", () => {
  const part = new Part<number, number>(numberKeys, 64, 5);
  part.append(1, 1, 1, 5);
  const sequence = 5 + 2 ** 32;
  expect([part.hasRoom(sequence - 1), part.hasRoom(sequence)]).toEqual([true, false]);
  part.widen(2);
  expect([part.rowsMax, part.find(1, 1), part.keys.at(0)]).toEqual([64, 0, 1]);
  expect(partOf(numberKeys, [part], 16, sequence).hasRoom(sequence)).toBeFalse();
});

test("keys of values that nobody wants are not made", () => {
  let made = 0;
  const counted: KeyKind<number> = (rowsMax) => {
    const column = numberKeys<number>(rowsMax);
    const known = column.at.bind(column);
    const at = (row: number) => {
      made++;
      return known(row);
    };
    return Object.assign(column, { at });
  };
  const map = new LongMap<number, number>(counted);
  for (let n = 0; n < MANY; n++) map.set(n, n);
  made = 0;
  expect([...map.where((value) => value % 10_000 === 1)].map(([key]) => key)).toEqual([
    1, 10_001, 20_001, 30_001, 40_001,
  ]);
  expect(made).toBe(5);
});

test("a map that was large gives its room back", () => {
  const map = numbers(MANY);
  const before = heapOctets();
  for (let n = 1; n < MANY; n++) map.delete(n);
  expect([...map]).toEqual([[0, 0]]);
  expect(before - heapOctets()).toBeGreaterThan(MANY * 20);
});

/** Of arrays of numbers, too. */
function heapOctets(): number {
  Bun.gc(true);
  const { heapSize } = heapStats();
  return heapSize;
}

function valuesFrom(map: LongMap<number, number>, at: number, counted?: boolean): number[] {
  return [...map.from(at, counted)].map(([, value]) => value);
}

function expectSame(a: unknown, b: unknown): void {
  if (a !== b) throw new Error(`${a} instead of ${b}`);
}
