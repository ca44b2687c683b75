/** A daemon that is ready goes on record: for `erouted upgrade`. */

import packageJson from "../../package.json";
import { wallMs } from "../linux/clock.ts";
import type { Daemon } from "./daemon.ts";
import { endProof } from "./proof.ts";
import { writeRunRecord } from "./run-record.ts";

/** A new executable that stays up so long has proved itself, whether anybody watches or not. */
const PROBATION_MS = 3_000;

export function recordRun({ folder, note }: Daemon, config: string): void {
  if (folder === undefined) return;
  const { path } = folder;
  const { NOTIFY_SOCKET: manager = "" } = process.env;
  const fault = writeRunRecord(path, {
    version: packageJson.version,
    executable: process.execPath,
    config,
    readyMs: wallMs(),
    isManaged: manager !== "",
  });
  if (fault !== undefined) note({ level: "warning", reason: "service-manager", detail: fault });
  setTimeout(() => endProof(path), PROBATION_MS).unref();
}
