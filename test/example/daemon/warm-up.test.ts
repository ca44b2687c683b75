/** The first site that calls finds code that has run before. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { createRehearsal } from "../../../src/daemon/rehearsal.ts";
import { warmUp, warmUpWhileIdle } from "../../../src/daemon/warm-up.ts";

const TIMEOUT_MS = 120_000;
/** Functions that only the simulation of a site needs. */
const COLD_MAX = 20;
/** So many sites in memory call in turn. */
const CALLERS = 8;

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

/** Real sites, which call `perLook` times whenever somebody looks. */
function realSites() {
  const sites = { begun: 0, connected: 0, perLook: 0 };
  const calls = () => {
    sites.begun += sites.perLook;
    return { begun: sites.begun, connected: sites.connected };
  };
  return { sites, calls };
}

test(
  "it goes on while nobody calls, and does next to nothing while a fleet does",
  async () => {
    const { faults, ends, ...told } = listener();
    const { sites, calls } = realSites();
    const idle = warmUpWhileIdle({ ...told, calls, afterMs: 0 });
    while (idle.connections === 0) await Bun.sleep(10);
    sites.perLook = 20;
    await Bun.sleep(100);
    const before = idle.connections;
    await Bun.sleep(1_500);
    // A slice of two milliseconds every half second.
    expect(idle.connections - before).toBeLessThanOrEqual(4 * CALLERS);
    sites.perLook = 0;
    const later = idle.connections;
    while (idle.connections < later + 8 * CALLERS) await Bun.sleep(10);
    idle.stop();
    const stopped = idle.connections;
    await Bun.sleep(200);
    expect([idle.connections, faults, ends]).toEqual([stopped, [], []]);
  },
  TIMEOUT_MS,
);

test(
  "a site that calls in vain, again and again, does not keep it from its end",
  async () => {
    const { faults, ends, ...told } = listener();
    const { sites, calls } = realSites();
    sites.perLook = 1;
    const idle = warmUpWhileIdle({ ...told, calls, afterMs: 0 });
    while (ends.length === 0) await Bun.sleep(10);
    expect([idle.connections > 0, faults]).toEqual([true, []]);
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
    const idle = warmUpWhileIdle({ ...told, calls: realSites().calls, afterMs: 0 });
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

test("it is needless once very many have connected, not counting those before it", async () => {
  const { faults, ends, ...told } = listener();
  const { sites, calls } = realSites();
  sites.connected = 10_000;
  const idle = warmUpWhileIdle({ ...told, calls, afterMs: 0 });
  while (idle.connections === 0) await Bun.sleep(10);
  sites.connected += 500;
  while (ends.length === 0) await Bun.sleep(10);
  const stopped = idle.connections;
  await Bun.sleep(800);
  const end = "sites have connected 500 times: no more is needed";
  expect([idle.connections, faults, ends]).toEqual([stopped, [], [end]]);
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
