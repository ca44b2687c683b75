/**
 * What a fleet costs each packet: packets go through one tunnel of a concentrator that has the
 * policies and states of 3, 333 and 6,667 sites, in a guest whose kernel has ESP. Prints Markdown
 * tables of the guest's CPU time, sender and receiver included: compare the columns.
 */

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { bootUml, umlMissing } from "../real/uml.ts";
import type { CrowdSubnets } from "./crowd.ts";
import type { ForwardingFigure, ForwardingOrder, HashedFrom } from "./forwarding-inside.ts";
import { answerCpuTime } from "./guest-time.ts";

/** Three policies a site. */
const SIZES = (process.env.SIZES ?? "3,333,6667").split(",").map(Number);
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const WINDOWS = Number(process.env.WINDOWS ?? 8);

type BenchFleet = CrowdSubnets & { readonly lengths: readonly HashedFrom[] };

const ALL_FLEETS: readonly BenchFleet[] = [
  { within: "100.64.0.0/10", length: 28, lengths: ["trees", 24] },
  { within: "10.99.0.0/16", length: 29, lengths: ["trees", 24] },
  { within: "fd99:1:2::/48", length: 64, lengths: ["trees", 64, 56] },
  { within: "fd99:1:2::/48", length: 64, outer: 6, lengths: ["trees", 64] },
  { within: "fd99::/40", length: 56, lengths: ["trees", 64, 56] },
  { within: "fd99:1:2::/48", length: 60, lengths: ["trees", 64, 60, 56] },
];
/** FLEETS=2,3 measures only those, counted from 0. */
const FLEETS =
  process.env.FLEETS === undefined
    ? ALL_FLEETS
    : process.env.FLEETS.split(",").flatMap((at) => ALL_FLEETS[Number(at)] ?? []);
const MEMORY_MIB = 2_048;
const SECONDS_MAX = 1_800;
const project = join(import.meta.dir, "../..");

const WORDS: Readonly<Record<ForwardingFigure["what"], string>> = {
  out: "a packet to the site",
  in: "a packet from the site",
  install: "a request that installs",
  replace: "a policy that is replaced",
  remove: "a request that removes",
};
/** Packets or requests of a window: the time is known to some hundredths of a second. */
const COUNT_MIN = 400;
/** On a machine that others use, a window takes up to three times as much as its neighbour. */
const QUIET = 0.25;

const missing = umlMissing();
if (missing === undefined) await bench();
else console.log(`SKIPPED: forwarding beside many policies: ${missing}`);

async function bench(): Promise<void> {
  const head = SIZES.map((sites) => `${(3 * sites).toLocaleString("en-US")} policies`);
  for (const fleet of FLEETS) {
    const { lengths, ...subnets } = fleet;
    const order = { fleet: subnets, lengths, sizes: SIZES, rounds: ROUNDS, windows: WINDOWS };
    const figures = await figuresOf(order);
    const { within, length, outer = 4 } = fleet;
    console.log(`\nSubnets of /${length} within ${within}, tunnels over IPv${outer}:\n`);
    console.log(`| CPU, µs | ${head.join(" | ")} |\n| --- |${" --- |".repeat(SIZES.length)}`);
    for (const [what, words] of Object.entries(WORDS)) {
      for (const from of lengths) {
        const ofRow = figures.filter((one) => one.what === what && one.length === from);
        const cells = SIZES.map((sites) => cell(ofRow, sites));
        const how = from === "trees" ? "in trees" : `by hash from /${from} on`;
        console.log(`| ${words}, ${how} | ${cells.join(" | ")} |`);
      }
    }
    console.log(`\nLoad at the end: ${loadavg()[0]?.toFixed(1)}`);
  }
}

/** The quietest quarter's end, the lowest and the median; its ratio to the smallest fleet's. */
function cell(figures: readonly ForwardingFigure[], sites: number): string {
  const each = costs(figures, sites);
  if (each.length === 0) return "–";
  const [first] = SIZES;
  const least = at(costs(figures, first ?? 0), QUIET);
  const ratio = least === 0 ? "" : `; ${(at(each, QUIET) / least).toFixed(2)}`;
  const text = (value: number) => value.toFixed(value < 10 ? 1 : 0);
  return `${text(at(each, QUIET))} (${text(at(each, 0))}–${text(at(each, 0.5))})${ratio}`;
}

function costs(figures: readonly ForwardingFigure[], sites: number): number[] {
  return figures
    .filter((one) => one.sites === sites && one.count >= COUNT_MIN && one.cpuUs > 0)
    .map(({ cpuUs, count }) => cpuUs / count)
    .sort((a, b) => a - b);
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
}

/** All of it in one guest, which asks for its CPU time by files. */
async function figuresOf(order: ForwardingOrder): Promise<readonly ForwardingFigure[]> {
  const work = await mkdtemp(join(tmpdir(), "erouted-forwarding-"));
  const guest = await bootUml(MEMORY_MIB);
  const stopAnswering = answerCpuTime(guest, work);
  try {
    const inside = join(import.meta.dir, "forwarding-inside.ts");
    const script = `${process.execPath} ${inside} outer '${JSON.stringify(order)}'`;
    const job = { script, directory: project, work, secondsMax: SECONDS_MAX };
    const { status, output } = await guest.run(job);
    if (status !== 0) throw new Error(`the guest ended with ${status}:\n${output}`);
    if (process.env.FORWARDING_OUTPUT) console.error(await readFile(join(work, "output"), "utf8"));
    const lines = output.split("\n").filter((text) => text.startsWith("FIGURE "));
    return lines.map((text) => JSON.parse(text.slice("FIGURE ".length)) as ForwardingFigure);
  } finally {
    stopAnswering();
    await guest.halt();
    await rm(work, { recursive: true, force: true });
  }
}
