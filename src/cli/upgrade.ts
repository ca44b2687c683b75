/**
 * `erouted upgrade FILE`: another executable takes over from the running one, with all its SAs; if
 * it does not come up, the former one takes over again.
 */

import { existsSync } from "node:fs";
import { beginProof, endProof } from "../daemon/proof.ts";
import { type RunRecord, readRunRecord } from "../daemon/run-record.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { EXIT, type ExitCode, failure, printable, type Terminal } from "./terminal.ts";
import { formerOf, isRunBy, ownerFault, prepareSwap, putBack, type Swap } from "./upgrade-files.ts";
import { type Restart, restartOf } from "./upgrade-restart.ts";

export type UpgradeOptions = {
  readonly file: string;
  /** Where the running erouted keeps what it leaves to the next one. */
  readonly folder?: string;
};

/** 78 if the new executable refuses the configuration; 1 for all other failures. */
export async function upgrade(options: UpgradeOptions, terminal: Terminal): Promise<ExitCode> {
  const folder = options.folder ?? process.env.RUNTIME_DIRECTORY?.split(":")[0] ?? RUNTIME_FOLDER;
  const found = readRunRecord(folder);
  if (!found.ok) {
    const text = `no erouted runs with ${folder}: ${found.error}; ${adviceToStart()}`;
    return failure(terminal, printable(text));
  }
  const running = await heal(found.value, folder, terminal);
  if (!running.ok) return failure(terminal, printable(running.error));
  const swap = preparedFor(options.file, running.value);
  if (!swap.ok) return failure(terminal, printable(`${swap.error}: nothing has been changed`));
  const version = accepts(swap.value.candidate, running.value);
  if (!version.ok) {
    swap.value.drop();
    const { code, why } = version.error;
    for (const line of why.split("\n")) terminal.err(printable(line));
    failure(terminal, printable(`${options.file} is refused: nothing has been changed`));
    return code;
  }
  return await change(
    swap.value,
    { folder, running: running.value, version: version.value },
    terminal,
  );
}

type Change = {
  readonly folder: string;
  readonly running: RunRecord;
  /** Of the new executable. */
  readonly version: string;
};

async function change(swap: Swap, { folder, running, version }: Change, terminal: Terminal) {
  const restart = restartOf(running, folder);
  goOn(terminal);
  beginProof(folder, swap.candidate);
  const replaced = swap.replace();
  if (!replaced.ok) {
    endProof(folder);
    return failure(terminal, printable(replaced.error));
  }
  terminal.out(`${running.version} is replaced by ${version}, and stays as ${swap.former}`);
  terminal.out(`waiting for ${version}: up to ${READY_MS_MAX / 1_000} s until it is ready`);
  const up = await comesUp(restart, version, "begin");
  if (up === undefined) {
    endProof(folder);
    terminal.out(`${version} runs`);
    return EXIT.ok;
  }
  terminal.err(printable(`erouted: ${version} does not come up: ${up}`));
  const restored = swap.restore();
  endProof(folder);
  if (!restored.ok) {
    const advice = `move ${swap.former} to ${running.executable}, and start it again`;
    return failure(terminal, printable(`it stays in place: ${restored.error}: ${advice}`));
  }
  terminal.err(`erouted: ${running.version} is put back, and started again`);
  const back = await comesUp(restart, running.version, "force");
  const now = back === undefined ? "runs again" : `does not come up either: ${back}`;
  return failure(terminal, printable(`the former executable, ${running.version}, ${now}`));
}

/** Half an upgrade is worse than one that takes a minute: a lost connection does not end it. */
function goOn(terminal: Terminal): void {
  if (process.listenerCount("SIGHUP") > 0) return;
  terminal.outlive?.();
  const words = "erouted: the upgrade goes on until it is known which executable runs";
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => terminal.err(words));
  }
}

function adviceToStart(): string {
  const former = formerOf(process.execPath);
  const advice = "nothing to take over from: start the new executable instead";
  if (!existsSync(former)) return advice;
  return `${advice}, or move ${former} back, which ran before the last upgrade, and start it`;
}

/**
 * An upgrade that was killed has left an executable that nobody has seen running: the former one
 * gets its name back, and is started again unless it still runs. Returns what runs then.
 */
async function heal(
  running: RunRecord,
  folder: string,
  terminal: Terminal,
): Promise<Result<RunRecord, string>> {
  const { executable, version, pid } = running;
  const former = formerOf(executable);
  if (!existsSync(former) || isRunBy(pid, executable) || isForeign(running)) return ok(running);
  const stillRuns = isRunBy(pid, former);
  // Otherwise another program has come in the place of the process, and has not become ready.
  const isLeft = () => versionOf(executable) !== version && versionOf(former) === version;
  if (!stillRuns && !isLeft()) return ok(running);
  goOn(terminal);
  terminal.err(printable(`erouted: an upgrade was ended halfway: ${version} is put back`));
  const back = putBack(executable);
  endProof(folder);
  if (!back.ok) return err(`${former} cannot be put back: ${back.error}`);
  if (stillRuns) return ok(running);
  const why = await comesUp(restartOf(running, folder), version, "force");
  return why === undefined ? readRunRecord(folder) : err(`${version} does not come up: ${why}`);
}

/** Whether somebody else may have chosen one of the files. */
function isForeign({ executable }: RunRecord): boolean {
  const files = [executable, formerOf(executable)].filter((file) => existsSync(file));
  return files.some((file) => ownerFault(file) !== undefined);
}

function versionOf(executable: string): string {
  return outcomeOf([executable, "--version"]).out;
}

/** Restarts, waits until it is ready and stays so; the result says why it is not. */
async function comesUp(
  restart: Restart,
  version: string,
  way: "begin" | "force",
): Promise<string | undefined> {
  const since = Date.now();
  const fault = await restart[way]().catch(String);
  if (fault !== undefined) return fault;
  // A process that we have started ourselves comes on record when it is ready.
  const goneMs = way === "begin" ? GONE_MS_MAX : READY_MS_MAX;
  const ready = await restart.readyAfter(since, { ms: READY_MS_MAX, goneMs });
  if (!ready.ok) return ready.error;
  if (ready.value.version !== version) return `version ${ready.value.version} has started`;
  await Bun.sleep(PROBATION_MS);
  return restart.isSame(ready.value) ? undefined : "it ended soon after its start";
}

function preparedFor(file: string, { executable, version }: RunRecord): Result<Swap, string> {
  try {
    const fault = ownerFault(executable);
    if (fault !== undefined) return err(fault);
  } catch (error) {
    return err(error instanceof Error ? error.message : String(error));
  }
  if (versionOf(executable) !== version)
    return err(`${executable} is not the erouted ${version} that runs`);
  return prepareSwap(file, executable);
}

/** Its version, if it runs here and accepts the configuration. */
function accepts(
  candidate: string,
  { config }: RunRecord,
): Result<string, { readonly code: ExitCode; readonly why: string }> {
  const version = outcomeOf([candidate, "--version"]);
  if (version.code !== 0 || !/^\d+\.\d+\.\S+$/.test(version.out)) {
    return err({
      code: EXIT.failed,
      why: `it is no erouted that runs here\n${version.err}`.trim(),
    });
  }
  const check = outcomeOf([candidate, "check", "--offline", "--config", config]);
  if (check.code === 0) return ok(version.out);
  const code = check.code === EXIT.configuration ? EXIT.configuration : EXIT.failed;
  return err({ code, why: `${check.out}\n${check.err}`.trim() });
}

function outcomeOf(command: readonly string[]) {
  try {
    const child = Bun.spawnSync([...command], { stdin: "ignore", timeout: CHECK_MS_MAX });
    const { exitCode: code, stdout, stderr } = child;
    return { code, out: stdout.toString().trim(), err: stderr.toString().trim() };
  } catch (error) {
    return { code: 1, out: "", err: error instanceof Error ? error.message : String(error) };
  }
}

/** The unit's runtime folder. */
const RUNTIME_FOLDER = "/run/erouted";
const CHECK_MS_MAX = 30_000;
/** From the restart until it is ready. */
const READY_MS_MAX = 60_000;
/** A process that has ended is started again within this time, or never. */
const GONE_MS_MAX = 15_000;
/** So long it has to stay up after that. */
const PROBATION_MS = 3_000;
