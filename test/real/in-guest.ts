/** Runs a test file on a kernel with ESP and reports each of its tests. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseJunit, type TestResult } from "../../build/junit.ts";
import { patient, SLOWNESS_VARIABLE, slowness } from "../patience.ts";
import type { Place } from "./ground.ts";
import type { GuestEnd } from "./uml.ts";

export type GuestReport = {
  readonly results: readonly TestResult[];
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** The output of the tests. */
  readonly output: string;
};

export type GuestOptions = {
  /** For the whole file, including the boot, on an idle machine. */
  readonly secondsMax: number;
  /** Given to the tests as environment variables. */
  readonly env: Readonly<Record<string, string>>;
};

/** The longest files take ten minutes where guests share two busy cores; this ends what hangs. */
export const GUEST_DEFAULTS: GuestOptions = { secondsMax: 1_500, env: {} };

/** Guests share the cores, and to start a program there takes ten times as long as outside. */
const GUEST_SLOWNESS = 4;

const PROJECT = join(import.meta.dir, "../..");
const BUN = process.execPath;
/** On an idle machine. */
const TEST_MS_MAX = 60_000;
const OUTPUT_CHARACTERS_MAX = 6_000;

/** Runs a `*.guest.ts` file (path from the project's top) and reports each of its tests. */
export async function runInGuest(
  file: string,
  place: Place,
  options: GuestOptions = GUEST_DEFAULTS,
): Promise<GuestReport> {
  const secondsMax = options.secondsMax * slowness();
  const { end, collected } = await place.run(
    { secondsMax, directory: PROJECT, script: scriptFor(file, options) },
    (work) => textOf(join(work, "report.xml")),
  );
  return reportOf(file, collected, end);
}

function scriptFor(file: string, options: GuestOptions): string {
  const executable = process.env.EROUTED_EXECUTABLE ?? "";
  const guestSlowness = String(GUEST_SLOWNESS * slowness());
  const settings = Object.entries({
    ...options.env,
    ...{ EROUTED_EXECUTABLE: executable, [SLOWNESS_VARIABLE]: guestSlowness },
  });
  const exports = settings.map(([name, value]) => `export ${name}=${quoted(value)}`);
  const report = '--reporter=junit --reporter-outfile="$WORK/report.xml"';
  const timeout = `--timeout=${GUEST_SLOWNESS * patient(TEST_MS_MAX)}`;
  const how = `${timeout} --preload=./test/real/guest/each-test.ts ${report}`;
  const run = `${quoted(BUN)} test ${quoted(`./${file}`)} ${how}`;
  return [...exports, run].join("\n");
}

function reportOf(file: string, xml: string, end: GuestEnd): GuestReport {
  const results = parseJunit(xml).map((result) => ({ ...result, file }));
  const { seconds, cpuSeconds, output } = end;
  const firstFailure = results.findIndex((result) => result.outcome === "failed");
  const failure = results[firstFailure];
  if (failure !== undefined) {
    const detail = `${failure.detail}\n--- output\n${tail(output)}`;
    results[firstFailure] = { ...failure, detail };
  } else if (end.status !== 0 || results.length === 0) {
    results.push(failureOf(file, end));
  }
  return { results, seconds, cpuSeconds, output };
}

/** The file as a whole failed: it did not load, or the guest did not finish. */
function failureOf(file: string, end: GuestEnd): TestResult {
  const what = end.timedOut ? "ran out of time" : `ended with status ${end.status ?? "unknown"}`;
  return {
    file,
    name: `${file} runs to its end`,
    outcome: "failed",
    seconds: end.seconds,
    detail: [
      `${what} after ${end.seconds.toFixed(0)} s`,
      `--- output\n${tail(end.output)}`,
      `--- kernel\n${tail(end.console)}`,
    ].join("\n"),
  };
}

async function textOf(path: string): Promise<string> {
  return (await Bun.file(path).exists()) ? await readFile(path, "utf8") : "";
}

function tail(text: string): string {
  return text.length <= OUTPUT_CHARACTERS_MAX ? text : `…${text.slice(-OUTPUT_CHARACTERS_MAX)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
