/** The threads that compile get less than an equal share of a processor, all others keep theirs. */

import { expect, test } from "bun:test";
import { join } from "node:path";

type Threads = readonly { readonly name: string; readonly nice: number }[];
type Report = { readonly own: number; readonly before: Threads; readonly after: Threads };

const TIMEOUT_MS = 120_000;

test.each(["at once", "datagram"])(
  "compilers are lowered, and nothing else: %s",
  async (how) => {
    const program = join(import.meta.dir, "compiler-threads-process.ts");
    const child = Bun.spawn([process.execPath, program, how], {
      stdout: "pipe",
      stderr: "inherit",
    });
    const text = await new Response(child.stdout).text();
    expect(await child.exited).toBe(0);
    const { own, before, after }: Report = JSON.parse(text);
    // Bun's name for the threads: with another one nothing would be lowered.
    expect(before).toContainEqual({ name: "JITWorker", nice: own });
    expect(after).toContainEqual({ name: "JITWorker", nice: own + 3 });
    const others = after.filter(({ name }) => name !== "JITWorker");
    expect(others.filter(({ nice }) => nice !== own)).toEqual([]);
  },
  TIMEOUT_MS,
);
