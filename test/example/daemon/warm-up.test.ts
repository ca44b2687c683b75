/** The first site that calls finds code that has run before. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { createRehearsal } from "../../../src/daemon/rehearsal.ts";
import { warmUp, warmUpWhileIdle } from "../../../src/daemon/warm-up.ts";

const TIMEOUT_MS = 120_000;
/** Functions that only the simulation of a site needs. */
const COLD_MAX = 20;

/** What it tells. */
function listener() {
  const faults: unknown[] = [];
  const ends: string[] = [];
  return {
    faults,
    ends,
    onFault: (fault: unknown) => void faults.push(fault),
    onEnd: (detail: string) => void ends.push(detail),
  };
}

test("the warm-up connects its site, however often", () => {
  expect([warmUp(), warmUp()]).toEqual([undefined, undefined]);
});

test(
  "after it, the first connection and rekey run almost no new functions",
  async () => {
    const [cold, warm] = await Promise.all([firstRun("cold"), firstRun("warm")]);
    expect(cold.cold.length).toBe(cold.used);
    expect(warm.used).toBeGreaterThan(500);
    expect(warm.cold.length < COLD_MAX ? [] : warm.cold).toEqual([]);
  },
  TIMEOUT_MS,
);

test(
  "it goes on while nobody calls, and waits while sites do",
  async () => {
    const { faults, ends, ...told } = listener();
    const idle = warmUpWhileIdle({ ...told, afterMs: 0 });
    while (idle.connections === 0) await Bun.sleep(10);
    idle.onDatagram();
    await Bun.sleep(100);
    const before = idle.connections;
    for (let i = 0; i < 10; i++) {
      idle.onDatagram();
      await Bun.sleep(100);
    }
    expect(idle.connections).toBe(before);
    while (idle.connections === before) await Bun.sleep(10);
    idle.stop();
    const stopped = idle.connections;
    await Bun.sleep(200);
    expect([idle.connections, faults, ends]).toEqual([stopped, [], []]);
  },
  TIMEOUT_MS,
);

test(
  "with the daemon around it, every site connects in every round",
  async () => {
    for (const withIkev1 of [false, true]) {
      const rehearsal = createRehearsal({ callers: 6, isWhole: true, withIkev1 });
      while (rehearsal.rounds < 17) {
        if (!rehearsal.step()) await nextTurn();
      }
      expect(rehearsal.connections).toBe(17 * 6);
      rehearsal.close();
    }
  },
  TIMEOUT_MS,
);

test(
  "it is over after some hundred connections, or three seconds of them",
  async () => {
    const { faults, ends, ...told } = listener();
    const idle = warmUpWhileIdle({ ...told, afterMs: 0 });
    while (ends.length === 0) await Bun.sleep(10);
    const [, connections, spentMs] =
      /^sites in memory have connected (\d+) times, in (\d+) ms of /.exec(ends[0] ?? "") ?? [];
    expect(Number(connections)).toBe(idle.connections);
    // A machine that does other things as well may take the time before it has come so far.
    if (Number(spentMs) < 3_000) expect(Number(connections)).toBeWithin(1_500, 1_510);
    await Bun.sleep(100);
    expect([idle.connections, faults, ends.length]).toEqual([Number(connections), [], 1]);
  },
  TIMEOUT_MS,
);

test("it is needless once very many have called", async () => {
  const { faults, ends, ...told } = listener();
  const idle = warmUpWhileIdle({ ...told, afterMs: 50 });
  for (let i = 0; i < 1_000; i++) idle.onDatagram();
  await Bun.sleep(800);
  expect([idle.connections, faults, ends]).toEqual([0, [], []]);
  idle.stop();
});

function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

async function firstRun(how: "cold" | "warm"): Promise<{ used: number; cold: readonly string[] }> {
  const worker = Bun.spawn([process.execPath, join(import.meta.dir, "warm-up-worker.ts"), how], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const text = await new Response(worker.stdout).text();
  expect(await worker.exited).toBe(0);
  return JSON.parse(text);
}
