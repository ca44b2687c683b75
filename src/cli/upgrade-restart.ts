/** Restarting a running erouted without a farewell, and waiting for the one that goes on. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isRunning, type RunRecord, readRunRecord } from "../daemon/run-record.ts";
import { LEAVE } from "../daemon/signals.ts";
import { err, type Result } from "../octets/result.ts";

export type Restart = {
  /** Makes the present process give way to the next one; the result says why it does not. */
  begin(): Promise<string | undefined>;
  /** The same, whatever became of the process that should have come up. */
  force(): Promise<string | undefined>;
  /**
   * The process that became ready after this time of day; the error says why there is none.
   * `goneMs`: so long no process may be on record, as while a service manager starts the next one.
   */
  readyAfter(sinceMs: number, limits: Limits): Promise<Result<RunRecord, string>>;
  /** Whether this one still runs, and none after it. */
  isSame(record: RunRecord): boolean;
};

export type Limits = { readonly ms: number; readonly goneMs: number };

/** By its service manager where it has one, otherwise by a signal. */
export function restartOf(running: RunRecord, folder: string): Restart {
  const unit = running.isManaged ? unitOf(running) : undefined;
  return {
    begin: async () => (unit === undefined ? signalled(running) : await restarted(unit)),
    force: async () => (unit === undefined ? await replaced(running, folder) : restarted(unit)),
    async readyAfter(sinceMs, { ms, goneMs }) {
      const until = performance.now() + ms;
      let last = "";
      let aliveAt = performance.now();
      while (performance.now() < until && performance.now() < aliveAt + goneMs) {
        const record = readRunRecord(folder);
        if (record.ok && record.value.readyMs >= sinceMs) return record;
        last = record.ok ? "it has not become ready" : record.error;
        if (record.ok) aliveAt = performance.now();
        await Bun.sleep(POLL_MS);
      }
      return err(last);
    },
    isSame(record) {
      const now = readRunRecord(folder);
      return now.ok && now.value.readyMs === record.readyMs;
    },
  };
}

/** It becomes the new program under the same process ID. */
function signalled(running: RunRecord): string | undefined {
  try {
    process.kill(running.pid, LEAVE);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Ends it, and starts the executable that now has the name, unless a supervisor does so. */
async function replaced(running: RunRecord, folder: string): Promise<string | undefined> {
  const since = Date.now();
  if (isRunning(running)) process.kill(running.pid, "SIGKILL");
  const until = performance.now() + SUPERVISOR_MS;
  while (performance.now() < until) {
    const record = readRunRecord(folder);
    if (record.ok && record.value.readyMs >= since) return undefined;
    await Bun.sleep(POLL_MS);
  }
  const { executable, config } = running;
  const script = 'exec setsid "$@" >>"$LOG" 2>&1 </dev/null &';
  const child = Bun.spawnSync(["sh", "-c", script, "sh", executable, "run", "--config", config], {
    timeout: QUESTION_MS_MAX,
    env: { ...process.env, RUNTIME_DIRECTORY: folder, LOG: join(folder, LOG) },
    stdio: ["ignore", "ignore", "ignore"],
  });
  return child.success ? undefined : `${executable} cannot be started`;
}

async function restarted(unit: string): Promise<string | undefined> {
  Bun.spawnSync(["systemctl", "reset-failed", unit], { timeout: QUESTION_MS_MAX });
  const child = Bun.spawn(["systemctl", "restart", unit], { stdout: "ignore", stderr: "pipe" });
  const late = setTimeout(() => child.kill("SIGKILL"), SYSTEMCTL_MS_MAX);
  const words = await new Response(child.stderr).text();
  const code = await child.exited;
  clearTimeout(late);
  return code === 0 ? undefined : `systemctl restart ${unit}: ${words.trim()}`;
}

/** The unit whose main process it is. */
function unitOf({ pid }: RunRecord): string | undefined {
  const [, unit] =
    /\/([\w@.\\-]+\.service)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, "utf8")) ?? [];
  if (unit === undefined) return undefined;
  const question = ["systemctl", "show", "-p", "MainPID", "--value", unit];
  const shown = Bun.spawnSync(question, { timeout: QUESTION_MS_MAX });
  return shown.stdout.toString().trim() === String(pid) ? unit : undefined;
}

/** Of a process that nobody else starts again. */
const LOG = "upgrade.log";
/** procd waits this long before it starts a service again. */
const SUPERVISOR_MS = 7_000;
const POLL_MS = 100;
const SYSTEMCTL_MS_MAX = 60_000;
/** systemd answers at once, or hangs. */
const QUESTION_MS_MAX = 10_000;
