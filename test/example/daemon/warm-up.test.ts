/** The first site that calls finds code that has run before. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { warmUp, warmUpWhileIdle } from "../../../src/daemon/warm-up.ts";

const TIMEOUT_MS = 120_000;
/** Functions that only the simulation of a site needs. */
const COLD_MAX = 20;

test("the warm-up connects its two sites, however often", () => {
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
    const faults: unknown[] = [];
    const idle = warmUpWhileIdle((fault) => faults.push(fault), 0);
    while (idle.rounds === 0) await Bun.sleep(10);
    idle.onDatagram();
    await Bun.sleep(100);
    const before = idle.rounds;
    for (let i = 0; i < 10; i++) {
      idle.onDatagram();
      await Bun.sleep(100);
    }
    expect(idle.rounds).toBe(before);
    while (idle.rounds === before) await Bun.sleep(10);
    idle.stop();
    const stopped = idle.rounds;
    await Bun.sleep(200);
    expect([idle.rounds, faults]).toEqual([stopped, []]);
  },
  TIMEOUT_MS,
);

test("it is needless once very many have called", async () => {
  const faults: unknown[] = [];
  const idle = warmUpWhileIdle((fault) => faults.push(fault), 50);
  for (let i = 0; i < 1_000; i++) idle.onDatagram();
  await Bun.sleep(800);
  expect([idle.rounds, faults]).toEqual([0, []]);
  idle.stop();
});

async function firstRun(how: "cold" | "warm"): Promise<{ used: number; cold: readonly string[] }> {
  const worker = Bun.spawn([process.execPath, join(import.meta.dir, "warm-up-worker.ts"), how], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const text = await new Response(worker.stdout).text();
  expect(await worker.exited).toBe(0);
  return JSON.parse(text);
}
