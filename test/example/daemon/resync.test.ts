/** Events that the kernel has dropped: what it has is read again, not once for each loss. */

import { expect, test } from "bun:test";
import type { Note } from "../../../src/daemon/reload.ts";
import { type Both, recoveryFromLoss, resync } from "../../../src/daemon/resync.ts";
import { err, ok } from "../../../src/octets/result.ts";

const NO_NAMES = new Set<string>();

/** Readings that a test ends. */
function recovery() {
  const notes: Note[] = [];
  const readings: PromiseWithResolvers<string | undefined>[] = [];
  const read = () => {
    const reading = Promise.withResolvers<string | undefined>();
    readings.push(reading);
    return reading.promise;
  };
  const onLost = recoveryFromLoss(read, (entry) => void notes.push(entry));
  const end = async (at: number, why?: string) => {
    readings[at]?.resolve(why);
    await Bun.sleep(0);
  };
  return { notes, readings, onLost, end };
}

test("a loss leads to one reading, and the log says so", async () => {
  const { notes, readings, onLost, end } = recovery();
  onLost();
  expect(readings.length).toBe(1);
  await end(0);
  expect(readings.length).toBe(1);
  expect(notes).toMatchObject([{ level: "warning", reason: "kernel-events-lost" }]);
});

test("any number of losses during a reading lead to one more, when it is over", async () => {
  const { notes, readings, onLost, end } = recovery();
  for (let times = 0; times < 5; times++) onLost();
  expect(readings.length).toBe(1);
  await end(0);
  expect(readings.length).toBe(2);
  await end(1);
  expect([readings.length, notes.length]).toEqual([2, 2]);
});

test("a loss after a reading leads to another one, also after one that failed", async () => {
  const { notes, readings, onLost, end } = recovery();
  onLost();
  await end(0, "XFRM_MSG_GETSA: EPERM");
  onLost();
  expect(readings.length).toBe(2);
  await end(1);
  expect(notes.map(({ level }) => level)).toEqual(["error", "warning"]);
  expect(notes[0]?.detail).toContain("EPERM");
});

test("what the engine has left behind is removed after a comparison, once", async () => {
  const removals: unknown[] = [];
  let isLeft = true;
  let answer: Awaited<ReturnType<Both["kernel"]["removeLeftovers"]>> = ok({
    states: 2,
    policies: 3,
    routes: 0,
  });
  const claims = { policy: () => undefined, state: () => true, route: () => true };
  const both: Both = {
    kernel: {
      tables: async () => ok({ states: NO_NAMES, policies: NO_NAMES, worn: NO_NAMES }),
      removeLeftovers: async (claimed) => {
        removals.push(claimed);
        return answer;
      },
    },
    shell: { feed: () => {}, flush: () => {} },
    concentrator: {
      claims: () => claims,
      hasLeftBehind: () => {
        const was = isLeft;
        isLeft = false;
        return was;
      },
      leaveBehind() {
        isLeft = true;
      },
    },
  };
  expect(await resync(both)).toBeUndefined();
  expect(await resync(both)).toBeUndefined();
  expect(removals).toEqual([claims]);
  isLeft = true;
  const refusal = { kind: "kernel", operation: "XFRM_MSG_DELSA", object: "x" } as const;
  answer = err({ ...refusal, errno: "EPERM", detail: "no" });
  expect(await resync(both)).toBe("XFRM_MSG_DELSA: EPERM: no");
  // It is tried again until it succeeds.
  answer = ok({ states: 1, policies: 0, routes: 0 });
  expect(await resync(both)).toBeUndefined();
  expect(await resync(both)).toBeUndefined();
  expect(removals.length).toBe(3);
});
