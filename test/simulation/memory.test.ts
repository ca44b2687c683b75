/** Ten thousand dynamic eroutes leave nothing behind: in a process of its own. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { patient } from "../patience.ts";

const SITES = 10_000;
const MIB = 2 ** 20;

/** What a run may leave: compiled code, grown tables. A leak of 200 octets a site shows. */
const LEFT_OCTETS_MAX = 2 * MIB;

type Told = {
  readonly before: number;
  readonly peak: number;
  readonly after: number;
  readonly states: number;
  readonly left: readonly (readonly [string, unknown])[];
  readonly evicted: number;
  readonly rekeyed: number;
  readonly created: number;
  readonly bugs: number;
};

test(
  "R5 R7: 10,000 sites connect, are rekeyed, expire and are evicted: nothing is left",
  async () => {
    const worker = Bun.spawn(
      [process.execPath, join(import.meta.dir, "memory-worker.ts"), String(SITES)],
      { stdout: "pipe", stderr: "inherit", stdin: "ignore" },
    );
    const told = JSON.parse(await new Response(worker.stdout).text()) as Told;
    expect({ left: told.left, states: told.states, bugs: told.bugs }).toEqual({
      ...{ left: [], states: 0, bugs: 0 },
    });
    expect(told.created).toBeGreaterThanOrEqual(SITES);
    expect(told.rekeyed).toBeGreaterThanOrEqual(SITES);
    expect(told.evicted).toBeGreaterThanOrEqual(SITES / 2);
    // What they took while connected, sites included, shows that this measures something.
    expect(told.peak - told.before).toBeGreaterThan(SITES * 2_000);
    expect(told.after - told.before).toBeLessThan(LEFT_OCTETS_MAX);
  },
  patient(120_000),
);
