/** The peer table for drizzle, under the names that the configuration gives its columns. */

import { type Column, type SQL, sql, type Table } from "drizzle-orm";
import { MySqlDialect, mysqlTable, varchar } from "drizzle-orm/mysql-core";
import { SQLiteSyncDialect, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { ColumnMap, TableSettings } from "../eroute/database.ts";
import type { PeerRow } from "../eroute/row.ts";

/** Our words for the columns, in the order in which every query reads them. */
export const COLUMN_KEYS = [
  "peerid",
  "password",
  "remip",
  "remmsk",
  "peerip",
  "bakpeerip",
  "ourid",
  "locip",
  "disabled",
  "lifetime",
  "inactivity",
  "if_id",
  "ppk",
  "ppk_id",
  "post_quantum",
] as const satisfies readonly (keyof PeerRow & keyof ColumnMap)[];

export type ColumnKey = (typeof COLUMN_KEYS)[number];

/** Columns of the table that are not part of a row. */
export type TableKey = ColumnKey | "changed";

export const TABLE_KEYS: readonly TableKey[] = [...COLUMN_KEYS, "changed"];

export type PeerSchema = {
  readonly table: Table;
  /** Undefined if the table has no such column. */
  readonly columns: Readonly<Partial<Record<TableKey, Column>>>;
  readonly dialect: MySqlDialect | SQLiteSyncDialect;
  /** The condition for each row of ours, in parentheses; undefined: every row is ours. */
  readonly condition: SQL | undefined;
};

export function mysqlSchema(settings: TableSettings): PeerSchema {
  const columns = Object.fromEntries(
    mappedColumns(settings).map(([key, name]) => [key, varchar(name, { length: 255 })]),
  );
  const table = mysqlTable(settings.table, columns);
  const dialect = new MySqlDialect();
  return { table, columns: columnsOf(table), dialect, condition: conditionOf(settings) };
}

export function sqliteSchema(settings: TableSettings): PeerSchema {
  const columns = Object.fromEntries(
    mappedColumns(settings).map(([key, name]) => [key, text(name)]),
  );
  const table = sqliteTable(settings.table, columns);
  const dialect = new SQLiteSyncDialect();
  return { table, columns: columnsOf(table), dialect, condition: conditionOf(settings) };
}

/**
 * The only text of the configuration that becomes SQL unchanged: it was checked when it was read.
 */
function conditionOf({ where }: TableSettings): SQL | undefined {
  return where === undefined ? undefined : sql.raw(`(${where})`);
}

/** Our words, with the table's names for the columns that it has. */
export function mappedColumns(settings: TableSettings): readonly (readonly [TableKey, string])[] {
  return TABLE_KEYS.flatMap((key) => {
    const name = settings.columns[key];
    return name === null || name === undefined ? [] : [[key, name] as const];
  });
}

/** Settings without the optional columns that are not among `names`. */
export function withColumns<T extends TableSettings>(settings: T, names: readonly string[]): T {
  const known = new Set(names.map((name) => name.toLowerCase()));
  const columns: { -readonly [key in keyof ColumnMap]: ColumnMap[key] } = { ...settings.columns };
  for (const key of settings.presumed ?? []) {
    if (!known.has(columns[key]?.toLowerCase() ?? "")) columns[key] = null;
  }
  return { ...settings, columns };
}

function columnsOf(table: object): Readonly<Partial<Record<TableKey, Column>>> {
  const columns = table as Readonly<Partial<Record<TableKey, Column>>>;
  return Object.fromEntries(TABLE_KEYS.map((key) => [key, columns[key]]));
}
