/**
 * Up to 100,000 sites with their states and policies in a kernel with ESP, a guest. First the
 * kernel alone, asked by the engine: what they take of its memory, and of the processor to be read
 * and removed. Then the built executable with fewer: the restart, the shutdown, and what is left.
 * SIZES=20000,100000 and EXECUTABLE_SIZES=20000 measure others. Prints Markdown tables.
 */

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { bootUml, umlMissing } from "../real/uml.ts";
import { answerCpuTime } from "./guest-time.ts";
import type { StatesFigure } from "./states-figure.ts";

const SIZES = sizesOf("SIZES", "1000,20000,100000");
/** Each system call of a guest takes long, so the executable is slower there than anywhere. */
const EXECUTABLE_SIZES = sizesOf("EXECUTABLE_SIZES", "1000,4000");
/** For the kernel and a process: 100,000 sites take 3 GiB. */
const MEMORY_MIB = 6_144;
const SECONDS_MAX = 3_600;
const project = join(import.meta.dir, "../..");
const command = process.env.EROUTED?.split(" ") ?? [join(project, "build/out/erouted")];

const missing = umlMissing();
if (missing === undefined) await bench();
else console.log(`SKIPPED: sites with their states: ${missing}`);

async function bench(): Promise<void> {
  await table("the kernel alone", SIZES, (sites) => ["states-kernel-inside.ts", `${sites}`]);
  await table("the executable", EXECUTABLE_SIZES, (sites) => {
    return ["states-inside.ts", JSON.stringify({ command, sites })];
  });
}

type Program = readonly [file: string, argument: string];

async function table(
  what: string,
  sizes: readonly number[],
  program: (sites: number) => Program,
): Promise<void> {
  if (sizes.length === 0) return;
  const rows = new Map<string, string[]>();
  for (const sites of sizes) {
    for (const [name, value] of lowest(await figuresOf(program(sites)))) {
      const row = rows.get(name) ?? [];
      rows.set(name, row);
      row.push(value.toFixed(value < 10 && !Number.isInteger(value) ? 1 : 0));
    }
  }
  console.log(`\n| ${what} | ${sizes.map((sites) => sites.toLocaleString("en-US")).join(" | ")} |`);
  console.log(`| --- |${" --- |".repeat(sizes.length)}`);
  for (const [name, cells] of rows) console.log(`| ${name} | ${cells.join(" | ")} |`);
  console.log(`\nLoad at the end: ${loadavg()[0]?.toFixed(1)}`);
}

/** Of rounds the quietest one counts. */
function lowest(figures: readonly StatesFigure[]): ReadonlyMap<string, number> {
  const least = new Map<string, number>();
  for (const { what, value } of figures) {
    least.set(what, Math.min(value, least.get(what) ?? Number.POSITIVE_INFINITY));
  }
  return least;
}

async function figuresOf([file, argument]: Program): Promise<readonly StatesFigure[]> {
  const work = await mkdtemp(join(tmpdir(), "erouted-states-"));
  const guest = await bootUml(MEMORY_MIB);
  const stopAnswering = answerCpuTime(guest, work);
  try {
    const script = `${process.execPath} ${join(import.meta.dir, file)} '${argument}'`;
    const job = { script, directory: project, work, secondsMax: SECONDS_MAX };
    const { status, output } = await guest.run(job);
    if (status !== 0) throw new Error(`the guest ended with ${status}:\n${output}`);
    if (process.env.STATES_OUTPUT) console.error(await readFile(join(work, "output"), "utf8"));
    const lines = output.split("\n").filter((text) => text.startsWith("FIGURE "));
    return lines.map((text) => JSON.parse(text.slice("FIGURE ".length)) as StatesFigure);
  } finally {
    stopAnswering();
    await guest.halt();
    await rm(work, { recursive: true, force: true });
  }
}

function sizesOf(variable: string, otherwise: string): readonly number[] {
  const text = process.env[variable] ?? otherwise;
  return text === "" ? [] : text.split(",").map(Number);
}
