/** Runs all tests, and ends with one line that counts them: `N passed, N failed`. */

import { writeFileSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { SLOWNESS_MAX, SLOWNESS_VARIABLE } from "../test/patience.ts";
import { type Outcome, parseJunit, type TestResult } from "./junit.ts";
import { measureSlowness } from "./slowness.ts";

/** On an idle machine. */
const TEST_MS_MAX = 20_000;

const project = join(import.meta.dir, "..");
const report = join(import.meta.dir, "out/tests.xml");

await mkdir(join(import.meta.dir, "out"), { recursive: true });
await rm(report, { force: true });

const slowness = await measureSlowness();
const words = slowness < SLOWNESS_MAX ? `${slowness} times` : `${slowness} times or more`;
console.log(
  slowness > 1
    ? `This machine is ${words} slower than an idle one: limits are that many times longer.`
    : "This machine is idle: limits are as written.",
);

const run = Bun.spawn(
  [
    process.execPath,
    "test",
    `--timeout=${Math.round(TEST_MS_MAX * slowness)}`,
    "--reporter=junit",
    `--reporter-outfile=${report}`,
    ...process.argv.slice(2),
  ],
  {
    cwd: project,
    // What is delivered is what is tested.
    env: {
      ...process.env,
      EROUTED_EXECUTABLE: join(import.meta.dir, "out/erouted"),
      [SLOWNESS_VARIABLE]: String(slowness),
    },
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
  },
);
const status = await run.exited;
const results = (await Bun.file(report).exists()) ? parseJunit(await Bun.file(report).text()) : [];
process.exitCode = conclude(results, status);

/** Prints what failed and the number of each result; returns the exit status. */
function conclude(all: readonly TestResult[], bunStatus: number): number {
  const of = (outcome: Outcome) => all.filter((result) => result.outcome === outcome);
  const failed = of("failed");
  const skipped = of("skipped");
  const inCi = process.env.CI === "true";
  console.log("");
  for (const result of failed) console.log(`failed: ${result.file}: ${result.name}`);
  for (const result of skipped) console.log(`skipped: ${result.file}: ${result.name}`);
  // A file that does not load, or a crash, is in no report: it must not go unnoticed.
  const unreported = bunStatus !== 0 && failed.length === 0;
  if (unreported) console.log(`failed: bun test ended with status ${bunStatus}, see above`);
  if (all.length === 0) console.log("failed: no test ran");
  const skippedCounts = inCi && skipped.length > 0;
  if (skippedCounts) console.log("failed: in CI no test may be skipped");

  const failures = failed.length + (unreported || all.length === 0 || skippedCounts ? 1 : 0);
  const tail = skipped.length > 0 ? `, ${skipped.length} skipped` : "";
  if (slowness > 1) console.log(`at the start, this machine was ${words} slower than an idle one`);
  const summary = `${of("passed").length} passed, ${failures} failed${tail}`;
  console.log(summary);
  writeFileSync(join(import.meta.dir, "out/summary"), `${summary}\n`);
  return failures === 0 ? 0 : 1;
}
