/**
 * The built executable and up to 100,000 sites with their states and policies in a kernel with ESP,
 * a guest: what they take of its memory, how long erouted reads them and what waits for that, the
 * restart and the shutdown. SIZES=20000,100000 measures others. Prints a Markdown table.
 */

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { bootUml, umlMissing } from "../real/uml.ts";
import type { StatesFigure, StatesOrder } from "./states-inside.ts";

const SIZES = (process.env.SIZES ?? "1000,20000").split(",").map(Number);
/** For the kernel and erouted: 100,000 sites take 4 GiB. */
const MEMORY_MIB = Number(process.env.MEMORY_MIB ?? 6_144);
const SECONDS_MAX = 3_600;
const project = join(import.meta.dir, "../..");
const command = process.env.EROUTED?.split(" ") ?? [join(project, "build/out/erouted")];

const missing = umlMissing();
if (missing === undefined) await bench();
else console.log(`SKIPPED: sites with their states: ${missing}`);

async function bench(): Promise<void> {
  const rows = new Map<string, string[]>();
  for (const sites of SIZES) {
    for (const { what, value, unit } of await figuresOf({ command, sites })) {
      const name = unit === "" ? what : `${what}, ${unit}`;
      const row = rows.get(name) ?? [];
      rows.set(name, row);
      row.push(value.toFixed(value < 10 && !Number.isInteger(value) ? 1 : 0));
    }
  }
  console.log(`| what | ${SIZES.map((sites) => sites.toLocaleString("en-US")).join(" | ")} |`);
  console.log(`| --- |${" --- |".repeat(SIZES.length)}`);
  for (const [what, cells] of rows) console.log(`| ${what} | ${cells.join(" | ")} |`);
  console.log(`\nLoad at the end: ${loadavg()[0]?.toFixed(1)}`);
}

async function figuresOf(order: StatesOrder): Promise<readonly StatesFigure[]> {
  const work = await mkdtemp(join(tmpdir(), "erouted-states-"));
  const guest = await bootUml(MEMORY_MIB);
  try {
    const inside = join(import.meta.dir, "states-inside.ts");
    const script = `${process.execPath} ${inside} '${JSON.stringify(order)}'`;
    const job = { script, directory: project, work, secondsMax: SECONDS_MAX };
    const { status, output } = await guest.run(job);
    if (status !== 0) throw new Error(`the guest ended with ${status}:\n${output}`);
    if (process.env.STATES_OUTPUT) console.error(await readFile(join(work, "output"), "utf8"));
    const lines = output.split("\n").filter((text) => text.startsWith("FIGURE "));
    return lines.map((text) => JSON.parse(text.slice("FIGURE ".length)) as StatesFigure);
  } finally {
    await guest.halt();
    await rm(work, { recursive: true, force: true });
  }
}
