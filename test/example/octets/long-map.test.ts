/** A map in parts: it does what a `Map` does, in the same order, and is cut where it is long. */

import { expect, test } from "bun:test";
import { LongMap } from "../../../src/octets/long-map.ts";
import { createPrng } from "../../simulation/prng.ts";

/** More than three parts. */
const MANY = 50_000;

function isEven(value: number): boolean {
  return value % 2 === 0;
}

function numbers(count: number): LongMap<number, number> {
  const map = new LongMap<number, number>(isEven);
  for (let n = 0; n < count; n++) map.set(n, n);
  return map;
}

test("whatever is set and deleted, it holds what a Map holds, in the same order", () => {
  for (const keys of [50, 60_000]) {
    const random = createPrng(keys);
    const [map, model] = [new LongMap<number, number>(isEven), new Map<number, number>()];
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
  const map = new LongMap<number, number>((value) => ++looks > 0 && isEven(value));
  for (let n = 0; n < MANY; n++) map.set(n, n);
  looks = 0;
  expect([...valuesFrom(map, MANY / 2 - 1, true)]).toEqual([MANY - 2]);
  expect(looks).toBeLessThan(MANY / 10);
});

function valuesFrom(map: LongMap<number, number>, at: number, counted?: boolean): number[] {
  return [...map.from(at, counted)].map(([, value]) => value);
}

function expectSame(a: unknown, b: unknown): void {
  if (a !== b) throw new Error(`${a} instead of ${b}`);
}
