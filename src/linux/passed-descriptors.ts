/** Descriptors that the starting process has passed to this one (man 3 sd_listen_fds). */

import type { Libc } from "./libc.ts";

export type PassedDescriptor = {
  readonly fd: number;
  /** What the sender called it; empty without a name. */
  readonly name: string;
};

type Environment = Partial<Record<string, string>>;

/**
 * Reads `LISTEN_PID`, `LISTEN_FDS` and `LISTEN_FDNAMES`, and removes them: programs that this one
 * starts get neither the descriptors nor the words. They belong to the caller.
 */
export function passedDescriptors(
  libc: Libc,
  environment: Environment,
): readonly PassedDescriptor[] {
  const numbers = passedNumbers(environment);
  const words = (environment.LISTEN_FDNAMES ?? "").split(":");
  for (const key of ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]) delete environment[key];
  const passed = numbers.map((fd, i) => ({ fd, name: words[i] ?? "" }));
  return passed.filter(({ fd }) => libc.closeOnExec(fd) === 0);
}

/** The numbers of those that are passed to this process, according to its environment. */
export function passedNumbers(environment: Readonly<Environment>): readonly number[] {
  const { LISTEN_PID: pid, LISTEN_FDS: count = "" } = environment;
  if (pid !== String(process.pid) || !/^[1-9][0-9]{0,3}$/.test(count)) return [];
  return Array.from({ length: Number(count) }, (_, i) => FIRST_FD + i);
}

/** After standard input, output and error output. */
const FIRST_FD = 3;
