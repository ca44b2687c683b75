/** `erouted run`: the daemon in the foreground. */

import { resolve } from "node:path";
import { counted } from "./amounts.ts";
import { readConfigFile, rereadConfigFile } from "./configuration.ts";
import { goBack, ownTrial } from "./go-back.ts";
import { EXIT, type ExitCode, type Terminal } from "./terminal.ts";

/** Ends when the daemon does; 1 if it could not start. */
export async function run(
  options: { readonly config: string },
  terminal: Terminal,
): Promise<ExitCode> {
  const trial = ownTrial(process.env);
  if (trial?.hasFailed === true) goBack(process.env, terminal);
  const config = readConfigFile(options.config);
  if (!config.ok) {
    // After this, no supervisor starts it again.
    if (trial !== undefined) goBack(process.env, terminal);
    for (const fault of config.error) terminal.err(fault);
    const { openService } = await import("../daemon/service.ts");
    const service = openService(process.env, ({ detail }) => terminal.err(detail));
    const [first = "", ...more] = config.error;
    const others = more.length === 0 ? "" : ` (and ${counted(more.length, "more fault")})`;
    service.failed(`does not start: ${first}${others}`);
    service.close();
    return EXIT.configuration;
  }
  const { EXIT_KEPT } = await import("../daemon/end.ts");
  const { restart } = await import("../daemon/restart.ts");
  const { runDaemon } = await import("../daemon/start.ts");
  // Commands that ask a running daemon do this elsewhere.
  const configFile = resolve(options.config);
  const load = () => rereadConfigFile(configFile);
  const code = await runDaemon(config.value, { configFile, load });
  if (code === EXIT_KEPT) restart(code);
  // Nothing should be open any more; if something is, it does not keep the process alive.
  setTimeout(() => process.exit(code), LINGER_MS_MAX).unref();
  return code === 0 ? EXIT.ok : EXIT.failed;
}

const LINGER_MS_MAX = 1_000;
