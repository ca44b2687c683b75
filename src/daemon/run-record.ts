/** What a running erouted says about itself in its runtime folder: for `erouted upgrade`. */

import { lstatSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  isRunning as isProcess,
  type ProcessName,
  processName,
} from "../linux/process-descriptors.ts";
import { err, ok, type Result } from "../octets/result.ts";

export type RunRecord = ProcessName & {
  readonly version: string;
  /** Absolute paths. */
  readonly executable: string;
  readonly config: string;
  /** Differs between two runs under the same process ID. */
  readonly readyMs: number;
  /** Whether a service manager restarts it. */
  readonly isManaged: boolean;
};

/** From now on the process counts as ready. Faults are returned as text. */
export function writeRunRecord(
  folder: string,
  record: Omit<RunRecord, keyof ProcessName>,
): string | undefined {
  const name = processName(process.pid);
  if (name === undefined) return "/proc does not show this process";
  const file = join(folder, RUN_RECORD);
  const { version, executable, config, readyMs, isManaged } = record;
  const { pid, began } = name;
  const whole = { pid, began, version, executable, config, readyMs, isManaged };
  try {
    writeFileSync(`${file}.new`, JSON.stringify(whole), { mode: 0o600 });
    renameSync(`${file}.new`, file);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The erouted that runs with this folder; the error says why there is none. */
export function readRunRecord(folder: string): Result<RunRecord, string> {
  const file = join(folder, RUN_RECORD);
  try {
    if (!lstatSync(file).isFile()) return err(`${file} is not a file`);
    const record = asRecord(JSON.parse(readFileSync(file, "utf8")));
    if (record === undefined) return err(`${file} is not from this version`);
    return isProcess(record) ? ok(record) : err(`process ${record.pid} has ended`);
  } catch (error) {
    return err(error instanceof Error ? error.message : String(error));
  }
}

/** Whether the process itself still exists. */
export function isRunning(record: RunRecord): boolean {
  return isProcess(record);
}

/** The process says goodbye. */
export function removeRunRecord(folder: string): void {
  rmSync(join(folder, RUN_RECORD), { force: true });
}

function asRecord(value: unknown): RunRecord | undefined {
  const { pid, began, version, executable, config, readyMs, isManaged } = Object(value);
  const isValid =
    [pid, began, readyMs].every(Number.isSafeInteger) &&
    [version, executable, config].every((text) => typeof text === "string") &&
    typeof isManaged === "boolean";
  if (!isValid) return undefined;
  return { pid, began, version, executable, config, readyMs, isManaged };
}

const RUN_RECORD = "run.json";
