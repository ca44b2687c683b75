/** The executable: hands its arguments to the commands. */

import { runCli } from "./cli/program.ts";
import { openTerminal } from "./cli/terminal.ts";

void runCli(process.argv.slice(2), openTerminal()).then((code) => {
  // Not at once: what was written may still be on its way into a pipe.
  process.exitCode = code;
});
