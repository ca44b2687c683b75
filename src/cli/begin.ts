/** What comes before every command. */

import { takeRuntimeOptions } from "../daemon/runtime-options.ts";
import type { ExitCode } from "./terminal.ts";

/** Runs the command that the arguments name; never rejects. */
export async function begin(args: readonly string[]): Promise<ExitCode> {
  // Before the commands are loaded: the daemon may have to load them again.
  if (args[0] === "run") takeRuntimeOptions(process.env);
  const { runCli } = await import("./program.ts");
  const { openTerminal } = await import("./terminal.ts");
  return await runCli(args, openTerminal());
}
