/** How busy this machine is: the limits of tests are multiplied by it. */

import { createHash } from "node:crypto";
import { SLOWNESS_MAX } from "../test/patience.ts";

/** The time of each of these rounds on an otherwise idle machine. */
const ROUND_MS = 35;
const ROUNDS = 20;
const HASHED_OCTETS = 32 * 1024 * 1024;
const PROCESSES = 4;

/**
 * Times a piece of work like that of tests, arithmetic and processes: how many times longer it
 * takes than on an idle machine (the two cores for which the limits were written), at least 1.
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
