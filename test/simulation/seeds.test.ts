/** Worlds by seed: `SEED=7` replays one, `SEEDS=10000` lives through more. */

import { expect, test } from "bun:test";
import { live } from "./life.ts";
import { reportOf } from "./world.ts";

const SEEDS = Number(process.env.SEEDS ?? 1_000);
const ONLY = process.env.SEED;

const TIMEOUT_MS = 600_000;

test(
  "R1 R2 R5 R6 R7: in every world kernel, engine and sites tell the same story",
  () => {
    const first = ONLY === undefined ? 1 : Number(ONLY);
    const last = ONLY === undefined ? SEEDS : first;
    for (let seed = first; seed <= last; seed++) {
      const world = live(seed);
      if (world.complaints.length > 0) console.error(reportOf(world));
      expect(world.complaints).toEqual([]);
    }
  },
  TIMEOUT_MS,
);
