/**
 * A process that compiles while it runs: prints the nice values of its threads, by name, before and
 * after the compiler's are lowered. What has been lowered is never raised again, so it is a process
 * of its own.
 */

import { readdirSync, readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { openCompilerThreads } from "../../../src/daemon/compiler-threads.ts";

const MS_MAX = 60_000;
const how = process.argv[2];

/** Compiled once it has run some thousand times. */
function work(sum: number): number {
  return [sum, 1, 2].reduce((before, one) => (before + one) % 1_000, 0);
}

const own = getPriority();
const until = performance.now() + MS_MAX;
let sum = 0;
while (!has("JITWorker", own) && performance.now() < until) {
  for (let i = 0; i < 10_000; i++) sum = work(sum);
}
const before = nices();
const compilers = openCompilerThreads();
if (how === "datagram") {
  compilers.onDatagram(0);
  while (!has("JITWorker", own + 3) && performance.now() < until) await Bun.sleep(10);
} else compilers.yield();
console.log(JSON.stringify({ own, before, after: nices() }));

function has(name: string, nice: number): boolean {
  return nices().some((thread) => thread.name === name && thread.nice === nice);
}

/** Field 19 of each thread's line, counted after its name (man 5 proc_pid_stat). */
function nices(): readonly { readonly name: string; readonly nice: number }[] {
  return readdirSync("/proc/self/task").flatMap((thread) => {
    const line = lineOf(thread);
    const name = line.slice(line.indexOf("(") + 1, line.lastIndexOf(")"));
    const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
    return line === "" ? [] : [{ name, nice: Number(fields[16]) }];
  });
}

/** Empty if it has just ended. */
function lineOf(thread: string): string {
  try {
    return readFileSync(`/proc/self/task/${thread}/stat`, "utf8");
  } catch {
    return "";
  }
}
