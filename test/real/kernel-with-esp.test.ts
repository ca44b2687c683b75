/**
 * Runs each `guest/*.guest.ts` on a kernel with ESP and reports its tests as tests of this file.
 * `GUEST=name,name` runs only files whose names contain one of these; `STORM_SECONDS=300` sets the
 * length of rekey-storm, `OUTAGE_SECONDS=300` the time without a database, `IKEV1_SECONDS=300` the
 * length of ikev1-rekeys, `KILLS=100` how often goes-on kills erouted.
 */

import { test } from "bun:test";
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { TestResult } from "../../build/junit.ts";
import { measureSlowness } from "../../build/slowness.ts";
import { SLOWNESS_VARIABLE } from "../patience.ts";
import { findGround, type Ground, openPlace } from "./ground.ts";
import { TABLE_VARIABLE } from "./guest/erouted.ts";
import { TEMPLATE_VARIABLE } from "./guest/mariadb.ts";
import { GUEST_DEFAULTS, runInGuest } from "./in-guest.ts";
import { dataTemplate } from "./mariadb.ts";
import { guestsThatFit } from "./uml.ts";

/**
 * Guests wait most of the time: for lifetimes to pass, for what may not happen. They take a tenth
 * of a processor each: four at once would leave two cores idle.
 */
const GUESTS_AT_ONCE = { min: 4, max: 10 };

/** For the largest: MariaDB, four peers, the concentrator. */
const MEMORY_MIB = 1024;

/** They take two minutes or more, in this order: started last, all else would wait for them. */
const LONGEST_FIRST = [
  ...["outage", "defaults-called", "defaults-call", "rekey-storm", "equal-child-sas", "move"],
  ...["ikev1-called-main", "fragment-size", "ikev1-called-aggressive", "ikev1-rekeys", "limits"],
  ...["interop-strongswan-newer", "liveness", "openiked", "both-call", "failures", "clear-text"],
];

/** How long rekey-storm lasts, in seconds. */
const STORM_VARIABLE = "STORM_SECONDS";

/** How long outage runs without its database, in seconds. */
const OUTAGE_VARIABLE = "OUTAGE_SECONDS";

/** Peers that were left without an answer come back in a minute or two. */
const COMEBACK_SECONDS = 180;

/** How long ikev1-rekeys lasts, in seconds. */
const IKEV1_VARIABLE = "IKEV1_SECONDS";

/** How often goes-on kills erouted. */
const KILLS_VARIABLE = "KILLS";
const SECONDS_PER_KILL = 6;

const longerBy = (file: string) =>
  Number(process.env[KILLS_VARIABLE] ?? 0) * SECONDS_PER_KILL +
  Number(process.env[STORM_VARIABLE] ?? 0) +
  Number(process.env[IKEV1_VARIABLE] ?? 0) +
  Number(process.env[OUTAGE_VARIABLE] ?? 0) +
  (basename(file) === "outage.guest.ts" ? COMEBACK_SECONDS : 0);

const PROJECT = join(import.meta.dir, "../..");
/**
 * The matrix of peers takes minutes: without `GUEST`, the cells of one peer run here, and the other
 * peers have tests of their own. `make interoperability` runs all of it.
 */
const ON_REQUEST = /^interop-(?!strongswan-newer)/;
const { GUEST } = process.env;
const files = [...new Bun.Glob("test/real/guest/*.guest.ts").scanSync({ cwd: PROJECT })]
  .filter((file) => {
    const name = basename(file);
    if (GUEST === undefined) return !ON_REQUEST.test(name);
    return GUEST.split(",").some((part) => name.includes(part));
  })
  .sort();

if (process.env[SLOWNESS_VARIABLE] === undefined) {
  process.env[SLOWNESS_VARIABLE] = String(await measureSlowness());
}

const ground = await findGround();
const templates = await mkdtemp(join(tmpdir(), "erouted-templates-"));
process.once("exit", () => rmSync(templates, { recursive: true, force: true }));
const tableTemplate = await makeTable(templates);

if (ground.kind === "none") {
  registerWithoutGround(ground.why);
} else {
  for (const results of await runAll(files, ground)) results.forEach(register);
}

/** All files, a few at a time; results in the files' order. */
async function runAll(all: readonly string[], where: Ground): Promise<readonly TestResult[][]> {
  const results: TestResult[][] = all.map(() => []);
  const rank = ([, file]: [number, string]) => {
    const index = LONGEST_FIRST.indexOf(basename(file, ".guest.ts"));
    return index === -1 ? LONGEST_FIRST.length : index;
  };
  const queue = [...all.entries()].sort((a, b) => rank(a) - rank(b));
  const worker = async (): Promise<void> => {
    const place = openPlace(where, MEMORY_MIB);
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [index, file] = next;
      const secondsMax = GUEST_DEFAULTS.secondsMax + 2 * longerBy(file);
      const options = { ...GUEST_DEFAULTS, secondsMax, env: await envFor(file) };
      const report = await runInGuest(file, place, options);
      results[index] = [...report.results];
      if (process.env.GUEST_OUTPUT) console.error(report.output);
      const took = `${report.seconds.toFixed(1)} s, ${report.cpuSeconds.toFixed(1)} s of CPU`;
      console.error(`${file}: ${report.results.length} tests in ${took}`);
    }
    await place.close();
  };
  const { min, max } = GUESTS_AT_ONCE;
  const length = Math.min(Math.max(await guestsThatFit(MEMORY_MIB), min), max);
  await Promise.all(Array.from({ length }, worker));
  return results;
}

/** A guest is slow at making a data folder for MariaDB, and a table: it gets them. */
async function envFor(file: string): Promise<Record<string, string>> {
  const text = await Bun.file(join(PROJECT, file)).text();
  const settings = {
    [STORM_VARIABLE]: process.env[STORM_VARIABLE] ?? "",
    [OUTAGE_VARIABLE]: process.env[OUTAGE_VARIABLE] ?? "",
    [IKEV1_VARIABLE]: process.env[IKEV1_VARIABLE] ?? "",
    [KILLS_VARIABLE]: process.env[KILLS_VARIABLE] ?? "",
    [TABLE_VARIABLE]: tableTemplate,
  };
  if (!text.includes("startGuestMariadb")) return settings;
  return { ...settings, [TEMPLATE_VARIABLE]: await dataTemplate() };
}

/** An empty table of sites in a file of its own, made as an operator makes it. */
async function makeTable(folder: string): Promise<string> {
  const file = join(folder, "peers.db");
  const configuration = join(folder, "erouted.toml");
  await Bun.write(configuration, `[[egroup]]\nname = "sites"\ndatabase = "sqlite:${file}"\n`);
  const built = process.env.EROUTED_EXECUTABLE;
  const program = built === undefined ? [process.execPath, join(PROJECT, "src/main.ts")] : [built];
  const init = Bun.spawnSync([...program, "peers", "init", "--config", configuration]);
  if (init.exitCode !== 0) throw new Error(`peers init: ${init.stdout}${init.stderr}`);
  return file;
}

function register(result: TestResult): void {
  const name = `${basename(result.file, ".guest.ts")} (kernel with ESP) > ${result.name}`;
  if (result.outcome === "skipped") {
    test.skip(name, () => {});
    return;
  }
  test(name, () => {
    if (result.outcome === "failed") throw new Error(result.detail);
  });
}

/** Nothing proved is nothing passed: where it matters, a missing kernel is a failure. */
function registerWithoutGround(why: string): void {
  const name = `a kernel with ESP is at hand for ${files.length} files: ${why}`;
  if (process.env.CI === undefined) test.skip(name, () => {});
  else {
    test(name, () => {
      throw new Error(why);
    });
  }
}
