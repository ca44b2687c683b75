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
  /** From now on the candidate has the executable's name; after a fault nothing has changed. */
  replace(): Result<undefined, string>;
  /** From now on the former one has it again; the other one is beside it, as `.refused`. */
  restore(): Result<undefined, string>;
  /** Nothing has been replaced, and nothing stays behind. */
  drop(): void;
};

/** Copies `file` beside `executable`, on the same disk. */
export function prepareSwap(file: string, executable: string): Result<Swap, string> {
  const [candidate, former] = [`${executable}.new`, formerOf(executable)];
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
    replace: () => replace(executable, { candidate, former }),
    restore: () => putBack(executable),
  });
}

/** Where the former one is while another one proves itself, and after that. */
export function formerOf(executable: string): string {
  return `${executable}.former`;
}

/** At every moment the name has a whole executable, whichever. */
function replace(
  executable: string,
  { candidate, former }: Pick<Swap, "candidate" | "former">,
): Result<undefined, string> {
  let step: "begun" | "linked" | "renamed" = "begun";
  const done = attempt(() => {
    rmSync(former, { force: true });
    linkSync(executable, former);
    step = "linked";
    renameSync(candidate, executable);
    step = "renamed";
    sync(dirname(executable));
  });
  if (done.ok) return done;
  const undone = attempt(() => {
    if (step === "renamed") renameSync(former, executable);
    if (step === "linked") rmSync(former, { force: true });
    rmSync(candidate, { force: true });
  });
  if (undone.ok) return err(`${done.error}: nothing has been changed`);
  return err(`${done.error}; ${undone.error}: the former executable is ${former}`);
}

/** Gives the former one its name again. At every moment the name has a whole executable. */
export function putBack(executable: string): Result<undefined, string> {
  const refused = `${executable}.refused`;
  // Without a place for the other one, it is given up.
  attempt(() => {
    rmSync(refused, { force: true });
    linkSync(executable, refused);
  });
  return attempt(() => {
    renameSync(formerOf(executable), executable);
    sync(dirname(executable));
  });
}

/** Whether the process runs this file, whatever name the file had when it began. */
export function isRunBy(pid: number, path: string): boolean {
  try {
    const [run, file] = [statSync(`/proc/${pid}/exe`), statSync(path)];
    return run.dev === file.dev && run.ino === file.ino;
  } catch {
    return false;
  }
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
