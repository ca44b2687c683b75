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
  const { LISTEN_PID: pid, LISTEN_FDS: count = "", LISTEN_FDNAMES: names = "" } = environment;
  for (const key of ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]) delete environment[key];
  if (pid !== String(process.pid) || !/^[1-9][0-9]{0,3}$/.test(count)) return [];
  const words = names.split(":");
  const passed: PassedDescriptor[] = [];
  for (let i = 0; i < Number(count); i++) {
    const fd = FIRST_FD + i;
    if (libc.closeOnExec(fd) === 0) passed.push({ fd, name: words[i] ?? "" });
  }
  return passed;
}

/** After standard input, output and error output. */
const FIRST_FD = 3;
