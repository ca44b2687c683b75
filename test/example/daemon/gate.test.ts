/** Messages that come while the daemon starts: which wait, and which do not. */

import { expect, test } from "bun:test";
import { createGate } from "../../../src/daemon/gate.ts";
import { parseAddress } from "../../../src/inet/address.ts";

const address = parseAddress("192.0.2.1");
if (address === undefined) throw new Error("it is an address");
const PATH = { local: { address, port: 500 }, remote: { address, port: 500 } };

const message = (number: number, length = 1): Uint8Array => new Uint8Array(length).fill(number);

test("before anybody is known all wait; then some are handled, the others in the end", async () => {
  const gate = createGate();
  const seen: string[] = [];
  for (const number of [1, 2, 3, 4]) gate.pass(message(number), PATH);
  expect(seen).toEqual([]);
  gate.openFor(([number = 0]) => {
    if (number % 2 === 1) return false;
    seen.push(`early ${number}`);
    return true;
  });
  gate.pass(message(5), PATH);
  gate.pass(message(6), PATH);
  await settled(() => seen.length === 3);
  expect(seen.toSorted()).toEqual(["early 2", "early 4", "early 6"]);
  gate.open(
    ([number]) => void seen.push(`${number}`),
    (lost) => void seen.push(`${lost} lost`),
  );
  await settled(() => seen.length === 6);
  gate.pass(message(7), PATH);
  expect(seen.slice(3)).toEqual(["1", "3", "5", "7"]);
});

test("only so many wait, however long they are; how many were lost is told once", async () => {
  for (const [length, room] of [
    [28, 4_096],
    [65_000, 64],
  ] as const) {
    const gate = createGate();
    for (let count = 0; count < room + 10; count++) gate.pass(message(1, length), PATH);
    let handled = 0;
    const lost: number[] = [];
    gate.open(
      () => void handled++,
      (messages) => void lost.push(messages),
    );
    await settled(() => handled === room);
    expect(handled).toBe(room);
    expect(lost).toEqual([10]);
  }
});

test("those that wait take turns: other work is done in between", async () => {
  const gate = createGate();
  for (let count = 0; count < 20; count++) gate.pass(message(1), PATH);
  let handled = 0;
  const work = (): void => {
    const until = performance.now() + 1;
    while (performance.now() < until);
    handled++;
  };
  gate.open(work, () => undefined);
  expect(handled).toBeLessThan(20);
  await settled(() => handled === 20);
  expect(handled).toBe(20);
});

/** A turn takes as long as a busy machine lets it. */
async function settled(isDone: () => boolean): Promise<void> {
  for (let turns = 0; turns < 5_000 && !isDone(); turns++) {
    await new Promise((resolve) => void setImmediate(resolve));
  }
}
