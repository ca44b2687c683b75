/** What the reasons mean whose cause is a database: on a server, or a file (SQLite). */

import type { DatabaseReason } from "../../reason/reason.ts";
import type { Meaning } from "./meaning.ts";

const DATABASE = { level: "error", follows: "database-again" } as const;

export const DATABASE_REASONS: Readonly<Record<DatabaseReason, Meaning>> = {
  "database-unreachable": {
    ...DATABASE,
    words: "database unreachable",
    advice: "look at the database's host, port and network; `erouted check` tries it",
    adviceForFile: "check that the file and its folder exist; `erouted peers init` makes a new one",
  },
  "database-timeout": {
    ...DATABASE,
    words: "database did not answer in time",
    advice: "look at the database's load; an index on peerid makes look-ups quick",
    adviceForFile: "another program locks the file: look for one that writes to it for long",
  },
  "database-access-denied": {
    ...DATABASE,
    words: "database refused the login",
    advice: "compare user and password_file of the egroup with the database's grants",
    adviceForFile: "let the user that erouted runs as read the file and its folder (chown, chmod)",
  },
  "database-no-table": {
    ...DATABASE,
    words: "table missing in the database",
    advice: "set `table` of the egroup, or create it: `erouted peers init`",
  },
  "database-no-column": {
    ...DATABASE,
    words: "column missing in the table",
    advice: "name the table's own columns under `columns` of the egroup",
  },
  "database-overloaded": {
    ...DATABASE,
    words: "too many look-ups at once",
    advice: "sites try again by themselves; if it lasts, look at the database's answer times",
  },
  "database-closed": {
    ...DATABASE,
    words: "the database connection was closed",
    advice: "have the site call again: connections close while the configuration is read again",
  },
  "database-other": {
    ...DATABASE,
    words: "the database answered with an error",
    advice: "the detail is the database's own; `erouted check` repeats it",
  },
};
