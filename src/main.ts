/** The executable: hands its arguments to the commands. */

import { begin } from "./cli/begin.ts";

void begin(process.argv.slice(2)).then((code) => {
  // Not at once: what was written may still be on its way into a pipe.
  process.exitCode = code;
});
