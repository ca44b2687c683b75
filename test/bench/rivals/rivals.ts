/**
 * `make bench`: erouted beside strongSwan, measured by a load generator that is neither's. Each has
 * one core to itself, in turn (A B A B), on the same sites: a storm that meets it cold, one call at
 * a time, a steady rate, and a storm that meets it warm. Needs root. `--one-key`: without the
 * strongSwans that have a key for each site, which take half of the time; `--take`: the table goes
 * into the history.
 */

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import packageJson from "../../../package.json";
import { type Mariadb, startMariadb } from "../../real/mariadb.ts";
import { fillTable, startErouted } from "./erouted.ts";
import { type Load, type Order, runLoad } from "./generator.ts";
import { type Line, layLine } from "./line.ts";
import type { Responder } from "./process.ts";
import { type StandIns, standInsOf } from "./stand-ins.ts";
import { startStrongSwan, versionOf } from "./strongswan.ts";
import { type Figures, type Run, tableText } from "./table.ts";

const RUNS = "<!-- runs -->";
const project = join(import.meta.dir, "../../..");
const executable = process.env.EROUTED ?? join(project, "build/out/erouted");
const newerRoot = join(project, "build/out/newer");

const SITES = Number(process.env.SITES ?? 10_000);
const ROUNDS = Number(process.env.ROUNDS ?? 2);
const WINDOW = 64;
const SINGLE = 500;
const STEADY_RATE = 75;
const STEADY = 750;
/**
 * After three idle seconds erouted collects fully, and its allocator waits five more to give back.
 * Where nobody had called for minutes, its runtime looks only every thirty seconds. No run can wait
 * for that: once a minute erouted compares the kernel's tables, and here no states are in them.
 */
const SETTLE_MS = 12_000;
/** By then its runtime has done twice what it does while nobody calls (`runtime-options.ts`). */
const REST_MS = 130_000;

type Rival = { readonly name: string; start(line: Line): Promise<Responder> };

type Tools = { readonly flood: string; readonly preload: string; readonly folder: string };

if (process.getuid?.() === 0) await bench();
else console.log("SKIPPED: erouted beside strongSwan: network namespaces need root");

async function bench(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "erouted-rivals-"));
  const tools = buildTools(folder);
  const mariadb = await startMariadb();
  try {
    await fillTable(mariadb, 2 * SITES + SINGLE + STEADY);
    const runs: Run[] = [];
    const rivals = rivalsOf({ tools, mariadb });
    for (let round = 1; round <= ROUNDS; round++) {
      for (const { name, start } of rivals) {
        console.error(`round ${round}: ${name}`);
        const line = layLine();
        try {
          const standIns = standInsOf(line, folder);
          const figures = await measure(await start(line), { flood: tools.flood, line, standIns });
          runs.push({ name, load: loadavg()[0] ?? 0, figures });
        } finally {
          line.dispose();
        }
      }
    }
    await report(runs);
  } finally {
    await mariadb.dispose();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Prints the table, and leaves it and all figures in build/out, with where they come from. */
async function report(runs: readonly Run[]): Promise<void> {
  const at = {
    date: new Date().toISOString().slice(0, 16),
    version: `${packageJson.version} (${revision()})`,
    machine: `${cpus().length} cores, ${cpus()[0]?.model.trim()}`,
    load: runs.map(({ load }) => load.toFixed(1)).join(" "),
  };
  const text = [
    `${at.date} UTC, erouted ${at.version}, ${at.machine}; ${SITES} sites in each storm;`,
    `load after each run: ${at.load}`,
    "",
    tableText(runs),
  ].join("\n");
  console.log(text);
  const out = join(project, "build/out");
  await Bun.write(join(out, "rivals.md"), `${text}\n`);
  if (process.argv.includes("--take")) await takeIntoHistory(at.date, text);
  const json = JSON.stringify({ at, sites: SITES, runs }, undefined, 2);
  await Bun.write(join(out, "rivals.json"), `${json}\n`);
}

/** Puts the table in front of those of earlier runs. */
async function takeIntoHistory(date: string, text: string): Promise<void> {
  const history = join(project, "docs/benchmarks.md");
  const before = await Bun.file(history).text();
  const [, day = ""] = /^([\d-]+)T/.exec(date) ?? [];
  await Bun.write(history, before.replace(RUNS, `${RUNS}\n\n## ${day}\n\n${text}`));
}

function revision(): string {
  const args = ["-C", project, "rev-parse", "--short", "HEAD"];
  return execFileSync("git", args, { encoding: "utf8" }).trim();
}

/** The generator, and what acknowledges the states of both. */
function buildTools(folder: string): Tools {
  const flood = join(folder, "flood");
  const preload = join(folder, "silent-xfrm.so");
  const source = (name: string) => join(import.meta.dir, name);
  const gcc = (...args: readonly string[]) => execFileSync("gcc", ["-O2", ...args]);
  gcc("-w", "-o", flood, source("flood.c"), "-lcrypto");
  gcc("-shared", "-fPIC", "-o", preload, source("silent-xfrm.c"), "-ldl");
  return { flood, preload, folder };
}

type Ground = { readonly tools: Tools; readonly mariadb: Mariadb };

/** Each start meets the same rows and the same keys. */
function rivalsOf({ tools, mariadb }: Ground): readonly Rival[] {
  const { preload, folder } = tools;
  const start = (line: Line) => startErouted(executable, folder, { preload, line, mariadb });
  const rested = async (line: Line) => {
    const responder = await start(line);
    await Bun.sleep(REST_MS);
    return responder;
  };
  const ours: readonly Rival[] = [
    { name: "erouted", start },
    { name: `erouted, ${REST_MS / 1_000} s after its start`, start: rested },
  ];
  const roots = [existsSync(newerRoot) ? newerRoot : undefined, undefined];
  const swans = [...new Set(roots)].flatMap((root) => {
    const each = process.argv.includes("--one-key") ? [] : [2 * SITES + SINGLE + STEADY];
    return [0, ...each].map((secrets) => ({
      name: `${versionOf(root)}, ${secrets === 0 ? "one key" : `${secrets} keys`}`,
      start: (line: Line) => startStrongSwan({ root, secrets }, preload, line),
    }));
  });
  return [...ours, ...swans];
}

type Course = { readonly flood: string; readonly line: Line; readonly standIns: StandIns };

async function measure(responder: Responder, { flood, line, standIns }: Course): Promise<Figures> {
  try {
    const emptyOctets = responder.residentOctets();
    const loaded = async (order: Order) => {
      // As many as there are sites, on the average of this load.
      await standIns.fillTo(order.first - 1 + order.count / 2);
      const before = responder.cpu();
      const load = await runLoad(flood, line, order);
      const after = responder.cpu();
      const each = (ms: number) => (ms * 1_000) / order.count;
      return {
        load: complain(load, responder),
        userUs: each(after.user - before.user),
        kernelUs: each(after.kernel - before.kernel),
      };
    };
    const cold = await loaded({ first: 1, count: SITES, window: WINDOW });
    await Bun.sleep(SETTLE_MS);
    const filledOctets = responder.residentOctets();
    const siteOctets = (filledOctets - emptyOctets) / SITES;
    let first = SITES + 1;
    const single = await loaded({ first, count: SINGLE, window: 1 });
    first += SINGLE;
    const steady = await loaded({ first, count: STEADY, window: WINDOW, rate: STEADY_RATE });
    first += STEADY;
    const warm = await loaded({ first, count: SITES, window: WINDOW });
    await Bun.sleep(SETTLE_MS);
    const further = SINGLE + STEADY + SITES;
    const furtherSiteOctets = (responder.residentOctets() - filledOctets) / further;
    return { cold, single, steady, warm, emptyOctets, siteOctets, furtherSiteOctets };
  } finally {
    await responder.stop();
  }
}

function complain(load: Load, responder: Responder): Load {
  if (load.bad + load.lost > 0) console.error("NOT CONNECTED:", load, responder.notConnected?.());
  return load;
}
