/**
 * Goes on as a new process after SIGUSR2: where a service manager listens to us, by ending;
 * anywhere else by becoming the program that now has our name, under the same process ID.
 */

import { readFileSync } from "node:fs";
import { execute } from "../linux/execute.ts";

/** By now a later version may have this name. */
const EXECUTABLE = process.execPath;

/** Ends this process in one way or the other. */
export function restart(code: number): never {
  const { NOTIFY_SOCKET: manager = "" } = process.env;
  if (manager === "") {
    const args = readFileSync("/proc/self/cmdline", "utf8").split("\0").slice(0, -1);
    const program = { path: EXECUTABLE, args, environment: process.env };
    const fault = execute({ ...program, passes: [] });
    process.stderr.write(`erouted: ${EXECUTABLE} cannot be started: ${fault}\n`);
  }
  process.exit(code);
}
