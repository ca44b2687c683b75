/** `erouted run`: the daemon in the foreground. */

import { resolve } from "node:path";
import { loadConfig, rereadConfigFile } from "./configuration.ts";
import { EXIT, type ExitCode, type Terminal } from "./terminal.ts";

/** Ends when the daemon does; 1 if it could not start. */
export async function run(
  options: { readonly config: string },
  terminal: Terminal,
): Promise<ExitCode> {
  const config = loadConfig(options.config, terminal);
  if (!config.ok) return config.error;
  const { runDaemon } = await import("../daemon/start.ts");
  // Whoever asks a running daemon for it is elsewhere.
  const configFile = resolve(options.config);
  const load = () => rereadConfigFile(configFile);
  const code = await runDaemon(config.value, { configFile, load });
  // Nothing should be open any more; if something is, it does not keep the process.
  setTimeout(() => process.exit(code), LINGER_MS_MAX).unref();
  return code === 0 ? EXIT.ok : EXIT.failed;
}

const LINGER_MS_MAX = 1_000;
