/** Runs all tests, and ends with one line that counts them: `N passed, N failed`. */

import { writeFileSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { RUNTIME_OPTIONS } from "../src/daemon/runtime-options.ts";
import { SLOWNESS_MAX, SLOWNESS_VARIABLE } from "../test/patience.ts";
import { type Outcome, parseJunit, type TestResult } from "./junit.ts";
import { measureSlowness } from "./slowness.ts";

/** On an idle machine. */
const TEST_MS_MAX = 20_000;

/**
 * Tests in guests and those with real software wait much of the time, so they run beside the rest.
 * Each of the three then has a third of the machine at worst.
 */
const IN_GUESTS = "test/real/kernel-with-esp.test.ts";
const REAL = "test/real/";
const AT_ONCE = 3;
/** A machine that is idle now may have other work in ten minutes. */
const SLOWNESS_MIN = 2;

/**
 * Few tests run long enough to gain from Bun's highest level of compilation: without it they take a
 * fifth less of the processor. The program itself goes without it, too.
 */
const COMPILATION = Object.fromEntries(
  Object.entries(RUNTIME_OPTIONS).filter(([name]) => name.startsWith("BUN_JSC_thresholdForFTL")),
);

const project = join(import.meta.dir, "..");

await mkdir(join(import.meta.dir, "out"), { recursive: true });

const slowness = await measureSlowness();
const words = slowness < SLOWNESS_MAX ? `${slowness} times` : `${slowness} times or more`;
console.log(
  slowness > 1
    ? `This machine is ${words} slower than an idle one: limits are that many times longer.`
    : "This machine is idle: limits are as written.",
);

const asked = process.argv.slice(2);
const others = [...new Bun.Glob("test/**/*.test.ts").scanSync({ cwd: project })]
  .filter((file) => file !== IN_GUESTS)
  .sort();
const isReal = (file: string) => file.startsWith(REAL);
const parts =
  asked.length > 0
    ? [asked]
    : [[IN_GUESTS], others.filter(isReal), others.filter((file) => !isReal(file))];
process.exitCode = conclude(await Promise.all(parts.map(run)));

/** How a run of bun ended, and what it reported. */
type End = { readonly status: number; readonly results: readonly TestResult[] };

/** Runs these files, and reads what bun reports of them. */
async function run(files: readonly string[], index: number): Promise<End> {
  const report = join(import.meta.dir, `out/tests-${index}.xml`);
  await rm(report, { force: true });
  const expected = Math.max(slowness, SLOWNESS_MIN);
  const factor = parts.length > 1 ? Math.min(expected * AT_ONCE, SLOWNESS_MAX) : slowness;
  const tests = Bun.spawn(
    [
      process.execPath,
      "test",
      `--timeout=${Math.round(TEST_MS_MAX * factor)}`,
      "--reporter=junit",
      `--reporter-outfile=${report}`,
      ...files,
    ],
    {
      cwd: project,
      // What is delivered is what is tested.
      env: {
        ...COMPILATION,
        ...process.env,
        EROUTED_EXECUTABLE: join(import.meta.dir, "out/erouted"),
        [SLOWNESS_VARIABLE]: String(factor),
      },
      stdin: "ignore",
      stdout: "inherit",
      stderr: "inherit",
    },
  );
  const status = await tests.exited;
  const text = (await Bun.file(report).exists()) ? await Bun.file(report).text() : undefined;
  return { status, results: text === undefined ? [] : parseJunit(text) };
}

/** Prints what failed and the number of each result; returns the exit status. */
function conclude(ends: readonly End[]): number {
  const all = ends.flatMap(({ results }) => results);
  const of = (outcome: Outcome) => all.filter((result) => result.outcome === outcome);
  const failed = of("failed");
  const skipped = of("skipped");
  const inCi = process.env.CI === "true";
  console.log("");
  for (const result of failed) console.log(`failed: ${result.file}: ${result.name}`);
  for (const result of skipped) console.log(`skipped: ${result.file}: ${result.name}`);
  // A file that does not load, or a crash, is in no report: it must not go unnoticed.
  const unreported = ends.flatMap(({ status, results }) => {
    if (results.length === 0) return [`no test ran, bun test ended with status ${status}`];
    const says = status === 0 || results.some(({ outcome }) => outcome === "failed");
    return says ? [] : [`bun test ended with status ${status}, see above`];
  });
  for (const line of unreported) console.log(`failed: ${line}`);
  const skippedCounts = inCi && skipped.length > 0;
  if (skippedCounts) console.log("failed: in CI no test may be skipped");

  const failures = failed.length + unreported.length + (skippedCounts ? 1 : 0);
  const tail = skipped.length > 0 ? `, ${skipped.length} skipped` : "";
  if (slowness > 1) console.log(`at the start, this machine was ${words} slower than an idle one`);
  const summary = `${of("passed").length} passed, ${failures} failed${tail}`;
  console.log(summary);
  writeFileSync(join(import.meta.dir, "out/summary"), `${summary}\n`);
  return failures === 0 ? 0 : 1;
}
