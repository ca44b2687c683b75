/** Words and advice for what a database did not do: of one on a server, and of a file (SQLite). */

export const DATABASE_REASONS = {
  "database-unreachable": {
    words: "database unreachable",
    advice: "look at the database's host, port and network; `erouted check` tries it",
  },
  "database-timeout": {
    words: "database did not answer in time",
    advice: "look at the database's load; an index on peerid makes look-ups quick",
  },
  "database-access-denied": {
    words: "database refused the login",
    advice: "compare user and password_file of the egroup with the database's grants",
  },
  "database-no-table": {
    words: "table missing in the database",
    advice: "set `table` of the egroup, or create it: `erouted peers init`",
  },
  "database-no-column": {
    words: "column missing in the table",
    advice: "name the table's own columns under `columns` of the egroup",
  },
  "database-overloaded": {
    words: "too many look-ups at once",
    advice: "sites try again by themselves; if it lasts, look at the database's answer times",
  },
  "database-closed": {
    words: "the database connection was closed",
    advice: "have the site call again; it happens while the configuration is read anew",
  },
  "database-other": {
    words: "the database answered with an error",
    advice: "the detail is the database's own; `erouted check` repeats it",
  },
} as const;

/** Where the database is a file of this host: nobody logs in to it, and nothing is granted. */
export const SQLITE_ADVICE: ReadonlyMap<string, string> = new Map([
  [
    "database-unreachable",
    "look whether the file is there, and its folder; `erouted peers init` makes a new one",
  ],
  ["database-timeout", "another program locks the file: look for one that writes to it for long"],
  [
    "database-access-denied",
    "let the user that erouted runs as read the file and its folder (chown, chmod)",
  ],
]);
