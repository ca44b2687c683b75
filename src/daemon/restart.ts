/**
 * Goes on as a new process after SIGUSR2: where a service manager listens to us, by ending;
 * anywhere else by becoming the program that now has our name, under the same process ID.
 */

import { readFileSync } from "node:fs";
import { execute } from "../linux/execute.ts";
import { passedNumbers } from "../linux/passed-descriptors.ts";

/** By now a later version may have this name. */
const EXECUTABLE = process.execPath;

/**
 * Becomes another executable at the start, with what the service manager has passed to this one;
 * returns only if that fails, and says why.
 */
export function become(path: string): string {
  const { env: environment } = process;
  return execute({ path, args: ownArguments(), environment, passes: passedNumbers(environment) });
}

function ownArguments(): readonly string[] {
  return readFileSync("/proc/self/cmdline", "utf8").split("\0").slice(0, -1);
}

/** Ends this process in one way or the other. */
export function restart(code: number): never {
  const { NOTIFY_SOCKET: manager = "" } = process.env;
  if (manager === "") {
    const program = { path: EXECUTABLE, args: ownArguments(), environment: process.env };
    const fault = execute({ ...program, passes: [] });
    process.stderr.write(`erouted: ${EXECUTABLE} cannot be started: ${fault}\n`);
  }
  process.exit(code);
}
