/** What goes to a database driver, and what comes back. */

export type Statement = { readonly sql: string; readonly params: readonly string[] };

/** One row as a driver hands it out, in the order of COLUMN_KEYS of `schema.ts`. */
export type RawRow = readonly unknown[];
