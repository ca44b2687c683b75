/**
 * What `erouted upgrade` notes while a new executable proves itself. If the upgrade is killed, a
 * start of the new executable sees from it that the one before did not become ready, and that
 * nobody else will put the former one back.
 */

import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isRunning, type ProcessName, processName } from "../linux/process-descriptors.ts";

/** The upgrade that watches, the executable, and how often that has been started since. */
type Proof = {
  readonly watcher: ProcessName;
  readonly dev: number;
  readonly ino: number;
  readonly starts: number;
};

export type Trial = {
  /** Whether another start of this executable has not become ready. */
  readonly hasFailed: boolean;
};

/** Before it gets the name. Without the note, only the upgrade itself puts the former one back. */
export function beginProof(folder: string, candidate: string): void {
  const watcher = processName(process.pid);
  if (watcher === undefined) return;
  try {
    const { dev, ino } = statSync(candidate);
    const proof: Proof = { watcher, dev, ino, starts: 0 };
    // Nobody reads it before the candidate has the name.
    writeFileSync(join(folder, PROOF), JSON.stringify(proof), { mode: 0o600 });
  } catch {
    // A full disk: the upgrade itself will find out.
  }
}

/** It is known which executable runs. */
export function endProof(folder: string): void {
  rmSync(join(folder, PROOF), { force: true });
}

/**
 * Counts a start of this executable; undefined: it has nothing to prove, or the upgrade still
 * watches, and decides.
 */
export function beginTrial(folder: string, executable: string): Trial | undefined {
  const proof = read(folder);
  if (proof === undefined) return undefined;
  try {
    const { dev, ino } = statSync(executable);
    if (dev !== proof.dev || ino !== proof.ino) return undefined;
    write(folder, { ...proof, starts: proof.starts + 1 });
  } catch {
    return undefined;
  }
  return isRunning(proof.watcher) ? undefined : { hasFailed: proof.starts > 0 };
}

function write(folder: string, proof: Proof): void {
  const file = join(folder, PROOF);
  writeFileSync(`${file}.new`, JSON.stringify(proof), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** The folder belongs to us alone; what is not from this version counts for nothing. */
function read(folder: string): Proof | undefined {
  try {
    const { watcher, dev, ino, starts } = Object(
      JSON.parse(readFileSync(join(folder, PROOF), "utf8")),
    );
    const { pid, began } = Object(watcher);
    const isValid = [pid, began, dev, ino, starts].every(Number.isSafeInteger);
    return isValid ? { watcher: { pid, began }, dev, ino, starts } : undefined;
  } catch {
    return undefined;
  }
}

/** In the runtime folder. */
const PROOF = "proof.json";
