/**
 * What one message may cost, counted and not timed: how often blocks of the engine's code are
 * entered until all that immediately follows from it is done. A function, a branch and the body of
 * a loop are one block each, so nothing that grows with a message is missed; the count is the same
 * on any machine and under any load. 100,000 take about half a millisecond.
 */

import { expect, test } from "bun:test";
import { join } from "node:path";

/** Most of it is the walk over 15,000 empty payloads: a datagram has no room for more. */
const STEPS_MAX = 350_000;
/** The site is traced: its messages are read twice, and put into words. */
const STEPS_MAX_WITH_DEBUG = 2 * STEPS_MAX;

/** A message dropped for its length takes about a hundred. */
const READ_STEPS_MIN = 500;
/** Certificates of which the first value is no certificate. */
const UNREADABLE = "certificates: nothing but zeros";

const TIMEOUT_MS = 300_000;

test(
  "no message costs more than so many steps, with each list and string at its maximum",
  async () => {
    const counted = await countSteps();
    expect(counted.length).toBeGreaterThan(110);
    const dear = counted.filter(({ name, steps }) => {
      return steps > (name.endsWith("with debug") ? STEPS_MAX_WITH_DEBUG : STEPS_MAX);
    });
    expect(dear).toEqual([]);
    // A message that is dropped unread does not prove a bound.
    const unread = counted.filter(({ steps }) => steps < READ_STEPS_MIN);
    expect(unread.map(({ name }) => name)).toEqual([UNREADABLE]);
  },
  TIMEOUT_MS,
);

async function countSteps(): Promise<{ readonly name: string; readonly steps: number }[]> {
  const worker = Bun.spawn([process.execPath, join(import.meta.dir, "cost-worker.ts")], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const text = await new Response(worker.stdout).text();
  expect(await worker.exited).toBe(0);
  return JSON.parse(text);
}
