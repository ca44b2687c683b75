/** `erouted check` beside a running erouted: what a reload of the file would do. */

import { resolve } from "node:path";
import type { Config } from "../config/config.ts";
import { restartText } from "../daemon/take-over.ts";
import { get, ownDaemon, post, type RunningDaemon } from "./daemon-client.ts";
import { listAt, numberAt, textAt } from "./json-fields.ts";
import type { Points } from "./points.ts";

/** The erouted that answers at this configuration's status server. */
export type Running = {
  readonly daemon: RunningDaemon;
  /** `status.listen 127.0.0.1:8080`. */
  readonly at: string;
  /** `192.0.2.1:500`: the ports that it uses. */
  readonly listening: readonly string[];
  readonly configFile: string;
};

/** Whatever else has the port may never answer; erouted does so within milliseconds. */
const ANSWER_MS_MAX = 1_500;

/** Undefined if there is none, or if it belongs to another configuration. */
export async function runningWith({ status }: Config): Promise<Running | undefined> {
  const daemon = ownDaemon(status);
  if (daemon === undefined) return undefined;
  const state = await get(daemon, "/api/v1/status", ANSWER_MS_MAX);
  if (!state.ok) return undefined;
  const configFile = textAt(state.value, "config_file");
  if (configFile === undefined) return undefined;
  const listening = listAt(state.value, "listening").map(String);
  return { daemon, at: `status.listen ${daemon.url.host}`, listening, configFile };
}

/** Lets the daemon check its file, which it reads with its own rights. */
export async function checkReload(
  { daemon, configFile }: Running,
  file: string,
  report: Points,
): Promise<void> {
  if (resolve(file) !== configFile) {
    const detail = `erouted runs with ${configFile}: the effect of this file on it is unknown`;
    return report.note("reload", detail);
  }
  if (daemon.operateToken === undefined) {
    const detail = "only the operate token may ask what it would close (status.operate_token_file)";
    return report.note("reload", detail);
  }
  const tried = await post(daemon, "/api/v1/reload?dry_run=true");
  if (!tried.ok) {
    for (const fault of tried.error.faults) report.failed("reload", `refused: ${fault}`);
    if (tried.error.faults.length === 0) report.failed("reload", tried.error.detail);
    return;
  }
  const held = listAt(tried.value, "held");
  for (const why of held) report.failed("reload", `would be refused without --force: ${why}`);
  const detail = textAt(tried.value, "detail") ?? "";
  const touched = numberAt(tried.value, "closes") + numberAt(tried.value, "unread");
  if (touched > 0) report.note("reload", detail);
  else if (held.length === 0) report.ok("reload", detail);
  for (const gone of listAt(tried.value, "gone")) report.note("reload", `${gone} is gone`);
  for (const key of listAt(tried.value, "needs_restart")) {
    const then = restartText([String(key)]);
    report.note("reload", `${key} stays as it is until a restart${then === "" ? "" : `; ${then}`}`);
  }
}
