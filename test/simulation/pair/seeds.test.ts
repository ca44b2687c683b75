/** Pairs of concentrators in many worlds: whatever happens, all is well in the end. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { patient } from "../../patience.ts";
import { livePair, reportOf } from "./life.ts";

const ONLY = process.env.SEED;
const SEEDS = Number(process.env.PAIR_SEEDS ?? 20_000);

test(
  "R3 R5 R12: in every world both ends come to one IKE SA and one Child SA",
  async () => {
    if (ONLY !== undefined) return expect(complaintsOf(Number(ONLY))).toEqual([]);
    const half = Math.ceil(SEEDS / 2);
    // Two processes, because a machine has at least two cores.
    const found = await Promise.all([inProcess(1, half), inProcess(half + 1, SEEDS)]);
    expect(found.join("")).toBe("");
  },
  patient(900_000),
);

test("the same seed gives the same run, to the last line of its log", () => {
  expect(livePair(7).pair.log).toEqual(livePair(7).pair.log);
  expect(livePair(7).pair.log).not.toEqual(livePair(8).pair.log);
});

function complaintsOf(seed: number): readonly string[] {
  const life = livePair(seed);
  if (life.complaints.length > 0 || ONLY !== undefined) console.error(reportOf(seed, life));
  return life.complaints;
}

/** What a separate process has found; its report goes to standard error. */
async function inProcess(from: number, to: number): Promise<string> {
  const worker = Bun.spawn(
    [process.execPath, join(import.meta.dir, "seeds-worker.ts"), String(from), String(to)],
    { stdout: "pipe", stderr: "inherit", stdin: "ignore" },
  );
  const text = await new Response(worker.stdout).text();
  const status = await worker.exited;
  return status === 0 ? text : `${text}the worker ended with status ${status}`;
}
