/** The files of an upgrade: a new executable takes the place of the former, which stays beside. */

import {
  chmodSync,
  closeSync,
  copyFileSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname } from "node:path";
import { err, ok, type Result } from "../octets/result.ts";

export type Swap = {
  /** The copy that is checked, and then takes the place. */
  readonly candidate: string;
  /** Where the former one is after that. */
  readonly former: string;
  /** From now on the candidate has the executable's name. */
  replace(): Result<undefined, string>;
  /** From now on the former one has it again; the other one is beside it, as `.refused`. */
  restore(): Result<undefined, string>;
  /** Nothing has been replaced, and nothing stays behind. */
  drop(): void;
};

/** Copies `file` beside `executable`, on the same disk. */
export function prepareSwap(file: string, executable: string): Result<Swap, string> {
  const [candidate, former] = [`${executable}.new`, `${executable}.former`];
  const drop = (): void => rmSync(candidate, { force: true });
  const copied = attempt(() => {
    rmSync(candidate, { force: true });
    copyFileSync(file, candidate);
    chmodSync(candidate, 0o755);
    sync(candidate);
  });
  if (!copied.ok) {
    drop();
    return copied;
  }
  return ok({
    candidate,
    former,
    drop,
    replace: () =>
      attempt(() => {
        rmSync(former, { force: true });
        linkSync(executable, former);
        renameSync(candidate, executable);
        sync(dirname(executable));
      }),
    restore: () =>
      attempt(() => {
        renameSync(executable, `${executable}.refused`);
        renameSync(former, executable);
        sync(dirname(executable));
      }),
  });
}

/**
 * Why this may not be replaced: whoever may write the record of a running erouted must not choose
 * which file of somebody else is replaced or run.
 */
export function ownerFault(executable: string): string | undefined {
  for (const path of [executable, dirname(executable)]) {
    const { uid, mode } = statSync(path);
    const isOurs = uid === process.geteuid?.() && (mode & 0o002) === 0;
    if (!isOurs) return `${path} belongs to user ${uid}, or everybody may write it`;
  }
  return undefined;
}

function attempt(work: () => void): Result<undefined, string> {
  try {
    work();
    return ok(undefined);
  } catch (error) {
    return err(error instanceof Error ? error.message : String(error));
  }
}

function sync(path: string): void {
  const fd = openSync(path, "r");
  fsyncSync(fd);
  closeSync(fd);
}
