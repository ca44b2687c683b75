/** What several commands below `erouted peers` have in common. */

import { Option } from "commander";

/** Whose table. */
export function egroupOption(): Option {
  return new Option("--egroup <name>", "whose table, if the configuration has several egroups");
}

/** Behind the help of whatever takes a key. */
export const NO_PASSWORD_OPTION = `
The key cannot be given as an option: every user of this host can read command
lines in the process list, and shells keep them in their history.`;
