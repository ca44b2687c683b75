/** `erouted run`: the daemon in the foreground. */

import { loadConfig } from "./configuration.ts";
import type { Terminal } from "./terminal.ts";
import { EXIT, type ExitCode } from "./terminal.ts";

/** Ends when the daemon does; 1 if it could not start. */
export async function run(
  options: { readonly config: string },
  terminal: Terminal,
): Promise<ExitCode> {
  const config = loadConfig(options.config, terminal);
  if (!config.ok) return config.error;
  const { runDaemon } = await import("../daemon/start.ts");
  const code = await runDaemon(config.value, { configFile: options.config });
  return code === 0 ? EXIT.ok : EXIT.failed;
}
