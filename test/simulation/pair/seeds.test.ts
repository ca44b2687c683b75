/** Pairs of concentrators in many worlds: whatever happens, the dust settles. */

import { expect, test } from "bun:test";
import { livePair, reportOf } from "./life.ts";

const ONLY = process.env.SEED;
const SEEDS = Number(process.env.PAIR_SEEDS ?? 2_000);

test("R3 R5 R12: in every world both ends come to one IKE SA and one Child SA", () => {
  const first = ONLY === undefined ? 1 : Number(ONLY);
  const last = ONLY === undefined ? SEEDS : first;
  for (let seed = first; seed <= last; seed++) {
    const life = livePair(seed);
    if (life.complaints.length > 0) console.error(reportOf(seed, life));
    expect({ seed, complaints: life.complaints }).toEqual({ seed, complaints: [] });
  }
}, 120_000);
