/** Kernel requests keep their order, and no turn of the event loop is theirs alone. */

import { expect, test } from "bun:test";
import type { KernelRequestId } from "../../../src/concentrator/event.ts";
import { createKernelQueue, type KernelEffect } from "../../../src/daemon/kernel-queue.ts";
import type { Instant } from "../../../src/octets/instant.ts";

test("a turn performs requests for a limited time; the others follow in order", async () => {
  const { queue, performed, ended } = slowKernel(100);
  for (let i = 0; i < 100; i++) queue.add([requestOf(i)]);
  // Each takes half a millisecond of this clock.
  expect(performed.length).toBe(4);
  let turns = 0;
  let isEnded = false;
  const count = () => {
    turns++;
    if (!isEnded) setImmediate(count);
  };
  setImmediate(count);
  await ended;
  isEnded = true;
  expect(performed).toEqual(Array.from({ length: 100 }, (_, i) => i));
  expect(turns).toBeGreaterThan(20);
});

test("a request that arrives while others wait goes behind them", async () => {
  const { queue, performed, ended } = slowKernel(12);
  for (let i = 0; i < 6; i++) queue.add([requestOf(i)]);
  await new Promise((resolve) => setImmediate(resolve));
  for (let i = 6; i < 12; i++) queue.add([requestOf(i)]);
  await ended;
  expect(performed).toEqual(Array.from({ length: 12 }, (_, i) => i));
});

test("the end of each later turn is told, and of no turn without a request", async () => {
  const { queue, ended, ends } = slowKernel(10);
  for (let i = 0; i < 10; i++) queue.add([requestOf(i)]);
  expect(ends).toEqual([]);
  await ended;
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(ends).toEqual([8, 10]);
});

test("flushing performs all of them at once", () => {
  const { queue, performed } = slowKernel(100);
  for (let i = 0; i < 100; i++) queue.add([requestOf(i)]);
  queue.flush();
  expect(performed).toHaveLength(100);
});

test("those of one event are performed together, and no others with them", () => {
  const { queue, performed, together } = slowKernel(27, 0.01);
  const all = Array.from({ length: 27 }, (_, i) => requestOf(i));
  queue.add(all.slice(0, 5));
  queue.add(all.slice(5, 25));
  queue.add(all.slice(25));
  expect(together).toEqual([5, 20, 2]);
  expect(performed).toEqual(all.map(({ request }) => Number(request)));
});

test("many of one event are performed in portions, whose size follows from what they take", () => {
  for (const [eachMs, portions] of [
    [0.01, [10, 64, 64, 62]],
    // The turn is over after two milliseconds.
    [0.25, [10]],
  ] as const) {
    const { queue, together } = slowKernel(200, eachMs);
    queue.add(Array.from({ length: 200 }, (_, i) => requestOf(i)));
    expect(together).toEqual([...portions]);
  }
  const { queue, performed, together } = slowKernel(20, 0.6);
  queue.add(Array.from({ length: 20 }, (_, i) => requestOf(i)));
  queue.flush();
  expect(together).toEqual([10, ...Array.from({ length: 10 }, () => 1)]);
  expect(performed).toEqual(Array.from({ length: 20 }, (_, i) => i));
});

/**
 * A queue whose clock advances by `eachMs` with each request; `ended`: after `count` of them.
 */
function slowKernel(count: number, eachMs = 0.5) {
  const performed: number[] = [];
  const together: number[] = [];
  /** How many had been performed at the end of each later turn. */
  const ends: number[] = [];
  let nowMs = 0;
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const perform = (effects: readonly KernelEffect[]) => {
    nowMs += eachMs * effects.length;
    together.push(effects.length);
    for (const { request } of effects) performed.push(Number(request));
    if (performed.length === count) end();
  };
  const queue = createKernelQueue(
    perform,
    () => {},
    () => nowMs as Instant,
    () => ends.push(performed.length),
  );
  return { queue, performed, together, ended, ends };
}

function requestOf(number: number): KernelEffect {
  const id = {
    selector: {
      ...{ src: subnet(10), dst: subnet(192), protocol: 0 },
      ...{ srcPort: undefined, dstPort: undefined },
    },
    direction: "out",
    ...{ mark: undefined, ifId: undefined },
  } as const;
  return { kind: "kernel", request: number as KernelRequestId, op: { op: "delete-policy", id } };
}

function subnet(first: number) {
  return { family: 4, value: BigInt(first) << 24n, length: 8 } as const;
}
