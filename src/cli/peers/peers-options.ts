/** What several sub-commands of `erouted peers` have in common. */

import { Option } from "commander";

/** Selects the table. */
export function egroupOption(): Option {
  return new Option("--egroup <name>", "the egroup, if the configuration has several");
}

/** Added to the help of every command that takes a key. */
export const NO_PASSWORD_OPTION = `
The key cannot be given as an option: every user of this host can read command
lines in the process list, and shells keep them in their history.`;
