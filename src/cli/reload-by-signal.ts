/** `erouted reload --pid PID`: SIGHUP, and its result; for service managers. */

import { join } from "node:path";
import { RELOAD_RESULT } from "../daemon/reload-result.ts";
import { readText } from "./configuration.ts";
import { fieldAt, listAt, numberAt, textAt } from "./json-fields.ts";
import { EXIT, type ExitCode, failure, misuse, printable, type Terminal } from "./terminal.ts";

/** Waits until the process has reported its result in a file of its runtime folder. */
export async function reloadBySignal(pid: string, terminal: Terminal): Promise<ExitCode> {
  const number = /^[1-9]\d{0,9}$/.test(pid) ? Number(pid) : Number.NaN;
  if (Number.isNaN(number)) return misuse(terminal, "--pid takes a process ID");
  const { RUNTIME_DIRECTORY = RUNTIME_FOLDER } = process.env;
  const [folder = ""] = RUNTIME_DIRECTORY.split(":");
  const file = join(folder, RELOAD_RESULT);
  const before = numberOfResult(file, number);
  try {
    process.kill(number, "SIGHUP");
  } catch (error) {
    return failure(terminal, `${pid}: ${error instanceof Error ? error.message : error}`);
  }
  if (before === undefined) {
    const why = `${file} has no entry of that process`;
    return failure(terminal, `the signal was sent; its result is not known: ${why}`);
  }
  const until = performance.now() + ANSWER_MS_MAX;
  while (performance.now() < until) {
    if ((numberOfResult(file, number) ?? before) > before) return sayResult(file, terminal);
    await Bun.sleep(POLL_MS);
  }
  return failure(terminal, `no answer to the signal within ${ANSWER_MS_MAX / 1000} s`);
}

function sayResult(file: string, terminal: Terminal): ExitCode {
  const result = resultOf(file);
  const outcome = textAt(result, "outcome");
  if (outcome === "reloaded") {
    for (const key of listAt(result, "needs_restart")) {
      terminal.out(printable(`needs a restart: ${key}`));
    }
    return EXIT.ok;
  }
  for (const fault of listAt(result, "faults")) terminal.err(printable(String(fault)));
  const code = failure(terminal, WORDS[outcome ?? ""] ?? "the reload was refused");
  return outcome === "faulty" ? EXIT.configuration : code;
}

/** Undefined if it is not from this process. */
function numberOfResult(file: string, pid: number): number | undefined {
  const result = resultOf(file);
  return fieldAt(result, "pid") === pid ? numberAt(result, "sequence") : undefined;
}

function resultOf(file: string): unknown {
  const text = readText(file);
  try {
    return text.ok ? JSON.parse(text.value) : undefined;
  } catch {
    return undefined;
  }
}

const WORDS: Readonly<Partial<Record<string, string>>> = {
  faulty: "the configuration file has faults: the former configuration stays in force",
  held:
    "the new configuration is refused: the former one stays in force. To force it: " +
    "erouted reload --force, or reload.close_percent_max in the file",
};

/** The unit's runtime folder. */
const RUNTIME_FOLDER = "/run/erouted";
const POLL_MS = 50;
const ANSWER_MS_MAX = 30_000;
