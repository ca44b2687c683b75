/** Taking over descriptors of another process of the same user (man 2 pidfd_getfd). */

import { readFileSync } from "node:fs";
import { err, ok, type Result } from "../octets/result.ts";
import { errnoName } from "../xfrm/errno.ts";
import type { Libc } from "./libc.ts";

/** A process by a name that no later one has. */
export type ProcessName = {
  readonly pid: number;
  /** When it began, in the kernel's ticks since the boot. */
  readonly began: number;
};

/** Undefined if there is no such process. */
export function processName(pid: number): ProcessName | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name in parentheses, which may contain anything.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const began = Number(fields[STARTTIME_AFTER_NAME]);
    return fields[0] === "Z" || !Number.isSafeInteger(began) ? undefined : { pid, began };
  } catch {
    return undefined;
  }
}

export function isRunning({ pid, began }: ProcessName): boolean {
  return processName(pid)?.began === began;
}

/** Copies of its descriptors `first` to `first + count - 1`: all of them, or none. */
export function copyDescriptors(
  libc: Libc,
  name: ProcessName,
  { first, count }: { readonly first: number; readonly count: number },
): Result<readonly number[], string> {
  const process = libc.openProcess(name.pid);
  if (process < 0) return err(`pidfd_open: ${errnoName(-process)}`);
  const copies: number[] = [];
  try {
    // Only now: the number cannot get another meaning any more.
    if (!isRunning(name)) return err("the process has ended");
    for (let i = 0; i < count; i++) {
      const fd = libc.descriptorOf(process, first + i);
      if (fd < 0) {
        for (const copy of copies) libc.close(copy);
        return err(`pidfd_getfd: ${errnoName(-fd)}`);
      }
      copies.push(fd);
    }
    return ok(copies);
  } finally {
    libc.close(process);
  }
}

/** starttime is field 22, and the first one after the name is field 3 (man 5 proc). */
const STARTTIME_AFTER_NAME = 19;
