/**
 * How Bun compiles the program while it runs, and how it gives back memory. Bun reads this from its
 * environment when it starts, so a process that was started without it becomes the same program
 * again, with it. Service managers set it, which saves the second start.
 */

import { readFileSync } from "node:fs";
import { execute } from "../linux/execute.ts";
import { passedNumbers } from "../linux/passed-descriptors.ts";

/**
 * By default whatever has run some thousand times is compiled once more, at the highest level. When
 * a whole fleet calls, that takes a third of the processor, for code which is hardly faster. So it
 * waits until some hundred thousand sites have called.
 *
 * And ten times a second a thread gives back all memory that happens to be free, down to single
 * pages, most of which the next call needs again. Every five seconds is often enough.
 *
 * A full garbage collection is due some time after a storm. It begins after three seconds without
 * work, not ten: otherwise it meets the calls that come next, and each pays for a part of it. The
 * other two times are Bun's own.
 *
 * A full collection also throws away compiled code that has not run for some seconds. But the sites
 * of a fleet call at once after hours of quiet, and would wait for it to be compiled again. So what
 * has run for longer than a moment stays a million times as long; what only the start needed goes.
 */
export const RUNTIME_OPTIONS: Readonly<Record<string, string>> = {
  BUN_JSC_thresholdForFTLOptimizeAfterWarmUp: "3000000",
  BUN_JSC_thresholdForFTLOptimizeSoon: "300000",
  BUN_JSC_codeBlockAgingLeaseMultiplier: "1000000",
  BUN_JSC_optimizedCodeAgingQuietAllocationMB: "0",
  MIMALLOC_PURGE_DELAY: "5000",
  MIMALLOC_PURGE_HOLES_MIN_INTERVAL: "5000",
  BUN_IDLE_GC_SECONDS: "3,110,480",
};

/** Tells the program that it has been started again, whatever the options are. */
const MARK = "EROUTED_RUNTIME";

type Environment = Partial<Record<string, string>>;

/**
 * Call it before anything is open. It returns in a process that has the options; the environment
 * that programs get from it is without them. Options that whoever starts erouted has set are left
 * as they are. If the program cannot be started again, it goes on without them.
 */
export function takeRuntimeOptions(environment: Environment): void {
  const names = Object.keys(RUNTIME_OPTIONS);
  const isComplete = names.every((name) => environment[name] !== undefined);
  if (!isComplete && environment[MARK] === undefined) {
    const args = readFileSync("/proc/self/cmdline", "utf8").split("\0").slice(0, -1);
    const next = { ...RUNTIME_OPTIONS, ...environment, [MARK]: "1" };
    const passes = passedNumbers(environment);
    execute({ path: process.execPath, args, environment: next, passes });
  }
  for (const name of [MARK, ...names]) delete environment[name];
}
