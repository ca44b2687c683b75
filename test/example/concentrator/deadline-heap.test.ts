/** The heap of deadlines, against a table that is searched. */

import { expect, test } from "bun:test";
import { DeadlineHeap } from "../../../src/concentrator/deadline-heap.ts";
import { asInstant, type Instant } from "../../../src/octets/instant.ts";
import { createPrng } from "../../simulation/prng.ts";

const STEPS = 20_000;
const KEYS = 64;

test("the earliest deadline comes first, whatever was set, moved and removed before", () => {
  const prng = createPrng(31);
  const heap = new DeadlineHeap();
  const known = new Map<bigint, Instant>();
  const earliest = () => (known.size === 0 ? undefined : Math.min(...known.values()));
  for (let step = 0; step < STEPS; step++) {
    const key = BigInt(prng.below(KEYS));
    const at = prng.below(4) === 0 ? undefined : asInstant(prng.below(1_000));
    heap.set(key, at);
    if (at === undefined) known.delete(key);
    else known.set(key, at);
    expect(heap.next() as number | undefined).toBe(earliest());
    if (prng.below(3) > 0) continue;
    const now = asInstant(prng.below(200));
    const due = heap.takeDue(now);
    const isDue = (earliest() ?? Number.POSITIVE_INFINITY) <= now;
    expect(due !== undefined).toBe(isDue);
    if (due === undefined) continue;
    expect(known.get(due) as number | undefined).toBe(earliest());
    known.delete(due);
  }
  expect(heap.size).toBe(known.size);
});

test("a key has one place, however often its deadline is moved", () => {
  const heap = new DeadlineHeap();
  for (let at = 1; at <= 1_000; at++) heap.set(BigInt(at % 2), asInstant(at));
  expect(heap.size).toBe(2);
  expect(heap.takeDue(asInstant(1_000))).toBe(1n);
  expect(heap.takeDue(asInstant(1_000))).toBe(0n);
  expect(heap.takeDue(asInstant(1_000))).toBeUndefined();
});

test("keys come in the order of their deadlines", () => {
  const heap = new DeadlineHeap();
  for (const at of [5, 3, 9, 1, 7]) heap.set(BigInt(at), asInstant(at));
  heap.set(9n, asInstant(2));
  heap.set(3n, undefined);
  const due = [1, 2, 3, 4].map(() => heap.takeDue(asInstant(100)));
  expect(due).toEqual([1n, 9n, 5n, 7n]);
  expect(heap.next()).toBeUndefined();
});
