/**
 * `make bench`: all benches, one after the other. It says first how long they take; a part that
 * fails does not keep the others from running. QUICK=1: with a tenth of the sites, for a look.
 * ONLY=growth,kernel: only these parts.
 */

import { loadavg } from "node:os";
import { join } from "node:path";

type Part = {
  readonly name: string;
  readonly what: string;
  /** Below the project, with arguments. */
  readonly file: string;
  readonly args?: readonly string[];
  /** On a quiet machine: as a whole, and in short. */
  readonly minutes: readonly [number, number];
  /** What makes it short. */
  readonly quick: Readonly<Record<string, string>>;
  readonly quickArgs?: readonly string[];
};

const PARTS: readonly Part[] = [
  {
    name: "engine",
    what: "what a site costs the engine alone",
    file: "build/bench.ts",
    minutes: [1, 1],
    quick: { SITES: "1000" },
  },
  {
    name: "growth",
    what: "how the work of each operation grows with the number of sites",
    file: "test/bench/growth.ts",
    minutes: [1, 1],
    quick: { SIZES: "100,1000,10000" },
  },
  {
    name: "executable",
    what: "the executable with MariaDB, called by erouted's own sites",
    file: "test/bench/bench.ts",
    minutes: [1, 1],
    quick: { SITES: "1000" },
  },
  {
    name: "many",
    what: "the executable with up to 100,000 connected sites",
    file: "test/bench/many.ts",
    minutes: [2, 1],
    quick: { SIZES: "1000,10000" },
  },
  {
    name: "counters",
    what: "what reading the counters of all states takes",
    file: "test/bench/counters.ts",
    minutes: [1, 1],
    quick: { SIZES: "1000,10000" },
  },
  {
    name: "states",
    what: "a kernel with ESP and the states of up to 100,000 sites",
    file: "test/bench/states.ts",
    minutes: [9, 3],
    quick: { SIZES: "1000", EXECUTABLE_SIZES: "1000" },
  },
  {
    name: "kernel",
    what: "policies in the kernel, through netlink and by ip -batch",
    file: "test/bench/kernel.ts",
    minutes: [1, 1],
    quick: { SIZES: "3,333" },
  },
  {
    name: "forwarding",
    what: "packets through a kernel with ESP, beside few and many policies",
    file: "test/bench/forwarding.ts",
    minutes: [25, 4],
    quick: { SIZES: "3,667", ROUNDS: "1", WINDOWS: "4" },
  },
  {
    name: "deaf",
    what: "how long nobody answers after a crash",
    file: "test/bench/deaf.ts",
    args: ["10000", "3"],
    minutes: [2, 1],
    quick: {},
    quickArgs: ["1000", "2"],
  },
  {
    name: "ikev1",
    what: "IKEv1 in Aggressive Mode",
    file: "test/bench/ikev1.ts",
    minutes: [4, 1],
    quick: { SITES: "500" },
  },
  {
    name: "rivals",
    what: "beside strongSwan, measured by a load generator that is neither's",
    file: "test/bench/rivals/rivals.ts",
    minutes: [45, 6],
    quick: { SITES: "1000", ROUNDS: "1" },
  },
  {
    name: "hybrid",
    what: "what ML-KEM costs, beside strongSwan",
    file: "test/bench/hybrid.ts",
    minutes: [15, 8],
    quick: { HANDSHAKES: "100", WARM_UP: "200" },
  },
];

const PROJECT = join(import.meta.dir, "../..");
const isQuick = (process.env.QUICK ?? "") !== "";
const only = process.env.ONLY?.split(",");
const unknown = only?.filter((name) => !PARTS.some((part) => part.name === name)) ?? [];
if (unknown.length > 0) {
  const names = PARTS.map(({ name }) => name).join(", ");
  console.error(`ONLY: there is no part ${unknown.join(", ")}; there are ${names}`);
  process.exit(2);
}
const parts = PARTS.filter(({ name }) => only?.includes(name) !== false);
process.exit(await runAll());

/** Returns the exit status. */
async function runAll(): Promise<number> {
  announce();
  const failed: string[] = [];
  for (const [index, part] of parts.entries()) {
    console.log(`\n== ${index + 1} of ${parts.length}, ${part.name}: ${part.what}\n`);
    const began = performance.now();
    const status = await run(part);
    const took = ((performance.now() - began) / 60_000).toFixed(1);
    if (status !== 0) failed.push(part.name);
    console.log(
      `\n== ${part.name}: ${took} min${status === 0 ? "" : `, failed: status ${status}`}`,
    );
  }
  if (failed.length === 0) return 0;
  console.error(`\nfailed: ${failed.join(", ")}; again: make bench ONLY=${failed.join(",")}`);
  return 1;
}

function announce(): void {
  const minutes = (of: readonly Part[]) => of.reduce((sum, part) => sum + minutesOf(part), 0);
  const how = isQuick ? "with few sites (QUICK=1)" : "QUICK=1 takes a quarter of that";
  console.log(`${parts.length} parts, some ${minutes(parts)} minutes on a quiet machine; ${how}`);
  const width = Math.max(...parts.map(({ name }) => name.length));
  for (const part of parts) {
    const time = `${minutesOf(part)} min`.padStart(6);
    console.log(`  ${part.name.padEnd(width)} ${time}  ${part.what}`);
  }
  const [load = 0] = loadavg();
  const hint = load > 1 ? ": figures of time count on a quiet machine only" : "";
  console.log(`the load is ${load.toFixed(1)}${hint}`);
}

function minutesOf({ minutes }: Part): number {
  return minutes[isQuick ? 1 : 0];
}

async function run({ file, args = [], quick, quickArgs = args }: Part): Promise<number> {
  const EROUTED_EXECUTABLE = join(PROJECT, "build/out/erouted");
  const env = { ...process.env, EROUTED_EXECUTABLE, ...(isQuick ? quick : {}) };
  const command = [process.execPath, join(PROJECT, file), ...(isQuick ? quickArgs : args)];
  const child = Bun.spawn(command, { cwd: PROJECT, env, stdio: ["ignore", "inherit", "inherit"] });
  return await child.exited;
}
