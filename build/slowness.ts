/** How busy this machine is: limits of tests are as many times as long. */

import { createHash } from "node:crypto";
import { SLOWNESS_MAX } from "../test/patience.ts";

/** What each of these rounds takes on a machine that does nothing else. */
const ROUND_MS = 35;
const ROUNDS = 20;
const HASHED_OCTETS = 32 * 1024 * 1024;
const PROCESSES = 4;

/**
 * A piece of work as tests do it, arithmetic and processes, against the clock: how many times
 * longer it takes than on an idle machine (the two cores on which the limits were written), 1 at
 * the least.
 */
export async function measureSlowness(): Promise<number> {
  const octets = new Uint8Array(HASHED_OCTETS);
  const began = performance.now();
  for (let round = 0; round < ROUNDS; round++) {
    createHash("sha256").update(octets).digest();
    for (let started = 0; started < PROCESSES; started++) await Bun.spawn(["true"]).exited;
  }
  const factor = (performance.now() - began) / (ROUNDS * ROUND_MS);
  return Math.round(Math.min(Math.max(factor, 1), SLOWNESS_MAX) * 10) / 10;
}
