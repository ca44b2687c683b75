/**
 * The threads in which Bun compiles the program while it runs. When a fleet calls a daemon that has
 * just started, they want as much of a processor as the thread that answers does; where both share
 * one, the first sites wait twice as long. So those threads get less than an equal share.
 */

import { readdirSync, readFileSync } from "node:fs";
import { getPriority, setPriority } from "node:os";

export type CompilerThreads = {
  /** Finds those that have started since the last time. */
  yield(): void;
  /** A site has called: what is compiled for it may have started a thread. */
  onDatagram(nowMs: number): void;
};

/**
 * A third of a processor that both want. With less, code that is not compiled yet runs for longer,
 * and a storm of calls takes more time in all (man 7 sched).
 */
const NICE = 3;
const NICE_MAX = 19;
/** Bun's name for them; they end after ten idle seconds, and begin again. */
const NAME = "JITWorker";
const TASKS = "/proc/self/task";
/** What has run often enough is compiled by then. */
const AFTER_MS = 50;
const EVERY_MS = 1_000;

/** Does nothing where it is not possible: it is only about speed. */
export function openCompilerThreads(): CompilerThreads {
  let known: ReadonlySet<string> = new Set();
  let nextAt = Number.NEGATIVE_INFINITY;
  const lower = () => {
    const present = new Set(numbers());
    for (const number of present) {
      if (!known.has(number) && nameOf(number) === NAME) makeNice(Number(number));
    }
    known = present;
  };
  return {
    yield: lower,
    onDatagram(nowMs) {
      if (nowMs < nextAt) return;
      nextAt = nowMs + EVERY_MS;
      setTimeout(lower, AFTER_MS).unref();
    },
  };
}

/** By number; on Linux each thread has a nice value of its own (man 2 setpriority). */
function makeNice(thread: number): void {
  try {
    setPriority(thread, Math.min(getPriority() + NICE, NICE_MAX));
  } catch {
    // It has just ended.
  }
}

function numbers(): readonly string[] {
  try {
    return readdirSync(TASKS);
  } catch {
    return [];
  }
}

/** Undefined if it has just ended. */
function nameOf(number: string): string | undefined {
  try {
    return readFileSync(`${TASKS}/${number}/comm`, "utf8").trim();
  } catch {
    return undefined;
  }
}
