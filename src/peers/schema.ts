/** The peer table for drizzle, under the names that the configuration gives its columns. */

import type { Column, Table } from "drizzle-orm";
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
] as const satisfies readonly (keyof PeerRow & keyof ColumnMap)[];

export type ColumnKey = (typeof COLUMN_KEYS)[number];

export type PeerSchema = {
  readonly table: Table;
  /** Undefined where the table has no such column. */
  readonly columns: Readonly<Record<ColumnKey, Column | undefined>>;
  readonly dialect: MySqlDialect | SQLiteSyncDialect;
};

export function mysqlSchema(settings: TableSettings): PeerSchema {
  const columns = Object.fromEntries(
    mappedColumns(settings).map(([key, name]) => [key, varchar(name, { length: 255 })]),
  );
  const table = mysqlTable(settings.table, columns);
  return { table, columns: columnsOf(table), dialect: new MySqlDialect() };
}

export function sqliteSchema(settings: TableSettings): PeerSchema {
  const columns = Object.fromEntries(
    mappedColumns(settings).map(([key, name]) => [key, text(name)]),
  );
  const table = sqliteTable(settings.table, columns);
  return { table, columns: columnsOf(table), dialect: new SQLiteSyncDialect() };
}

/** Our words and the table's names of the columns that it has. */
export function mappedColumns(settings: TableSettings): readonly (readonly [ColumnKey, string])[] {
  return COLUMN_KEYS.flatMap((key) => {
    const name = settings.columns[key];
    return name === null ? [] : [[key, name] as const];
  });
}

function columnsOf(table: object): Readonly<Record<ColumnKey, Column | undefined>> {
  const columns = table as Readonly<Partial<Record<ColumnKey, Column>>>;
  return {
    peerid: columns.peerid,
    password: columns.password,
    remip: columns.remip,
    remmsk: columns.remmsk,
    peerip: columns.peerip,
    bakpeerip: columns.bakpeerip,
    ourid: columns.ourid,
  };
}
