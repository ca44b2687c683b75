/**
 * The result of the last reload, in a file of the runtime folder: the sender of the signal can read
 * it there, without a token and without a status server.
 */

import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Result } from "../octets/result.ts";
import type { Note, ReloadRefusal, ReloadReport } from "./reload.ts";

/** The file's name in the folder. */
export const RELOAD_RESULT = "reload.json";

export type ReloadResults = {
  /** Writes it, with a number that is higher by one each time. */
  write(done: Result<ReloadReport, ReloadRefusal>): void;
};

/** Does nothing without a folder; from now on the file exists. */
export function openReloadResults(
  folder: string | undefined,
  note: (entry: Note) => void,
): ReloadResults {
  // The manager may name several, separated by colons; the first one is ours.
  const [first = ""] = (folder ?? "").split(":");
  if (first === "") return { write: () => undefined };
  const file = join(first, RELOAD_RESULT);
  let sequence = 0;
  const put = (more: object): void => {
    try {
      writeFileSync(`${file}.new`, JSON.stringify({ pid: process.pid, sequence, ...more }), {
        mode: 0o600,
      });
      renameSync(`${file}.new`, file);
    } catch (error) {
      const detail = `${file}: ${error instanceof Error ? error.message : error}`;
      note({ level: "warning", reason: "service-manager", detail });
    }
  };
  put({});
  return {
    write(done) {
      sequence++;
      if (done.ok) put({ outcome: "reloaded", needs_restart: done.value.needsRestart });
      else put({ outcome: done.error.kind, faults: done.error.faults.slice(0, FAULTS_MAX) });
    },
  };
}

/** The log has no more of them either. */
const FAULTS_MAX = 50;
