/** What a peer table looks like: making a fresh one, and judging one that is there. */

import { type SQL, sql } from "drizzle-orm";
import { SQLiteSyncDialect } from "drizzle-orm/sqlite-core";
import { type DatabaseSettings, describeDatabase } from "../eroute/database.ts";
import type { LookupFault } from "../eroute/row.ts";
import type { NewPeer } from "./repository.ts";
import { COLUMN_KEYS, type ColumnKey, mappedColumns, type PeerSchema } from "./schema.ts";
import type { Statement } from "./statement.ts";

export type IndexShape = { readonly column: string; readonly unique: boolean };

/** Creates the table. In MySQL its index on `remip` too: see {@link createIndex} for SQLite. */
export function createTable(schema: PeerSchema): Statement {
  const sqlite = schema.dialect instanceof SQLiteSyncDialect;
  const lines: SQL[] = [];
  for (const key of COLUMN_KEYS) {
    const column = schema.columns[key];
    if (column === undefined) continue;
    const type = sqlite ? SQLITE_TYPES[key] : MYSQL_TYPES[key];
    lines.push(sql`${sql.identifier(column.name)} ${sql.raw(type)}`);
  }
  const remip = schema.columns.remip;
  if (!sqlite && remip !== undefined) lines.push(sql`key (${sql.identifier(remip.name)})`);
  const end = sqlite ? "" : " engine=InnoDB default charset=utf8mb4";
  const query = sql`create table ${schema.table} (${sql.join(lines, sql`, `)})${sql.raw(end)}`;
  return { sql: schema.dialect.sqlToQuery(query).sql, params: [] };
}

/** The index by which a packet's network finds its row (R12), for SQLite. */
export function createIndex(schema: PeerSchema, table: string): Statement {
  const name = sql.identifier(`${table}_remip`);
  const remip = sql.identifier(schema.columns.remip?.name ?? "remip");
  const query = sql`create index if not exists ${name} on ${schema.table} (${remip})`;
  return { sql: schema.dialect.sqlToQuery(query).sql, params: [] };
}

/** Mapped columns that are missing, with those that exist; undefined if none is missing. */
export function columnAdvice(
  names: readonly string[],
  settings: DatabaseSettings,
): string | undefined {
  const known = new Set(names.map((name) => name.toLowerCase()));
  const missing = mappedColumns(settings).filter(([, name]) => !known.has(name.toLowerCase()));
  if (missing.length === 0) return undefined;
  const keys = missing.map(([key, name]) => `columns.${key} = "${name}"`).join(", ");
  const where = describeDatabase(settings);
  return (
    `${where}: no column for ${keys} of egroup ${settings.egroup}; ` +
    `the table has: ${names.join(", ")}`
  );
}

/** What missing indexes cost. */
export function indexAdvice(
  indexes: readonly IndexShape[],
  settings: DatabaseSettings,
): readonly string[] {
  const { columns, table } = settings;
  const advice: string[] = [];
  const of = (name: string) =>
    indexes.filter((index) => index.column.toLowerCase() === name.toLowerCase());
  const ids = of(columns.peerid);
  if (ids.length === 0) {
    advice.push(`${table}.${columns.peerid} has no index: every look-up reads the whole table`);
  } else if (!ids.some((index) => index.unique)) {
    advice.push(`${table}.${columns.peerid} is not unique: a site with two rows is refused`);
  }
  if (of(columns.remip).length === 0) {
    const name = `${table}.${columns.remip}`;
    advice.push(`${name} has no index: calling a site reads the whole table`);
  }
  return advice;
}

/** A fault if the row has a value for which the table has no column. */
export function unmapped(peer: NewPeer, settings: DatabaseSettings): LookupFault | undefined {
  const without = COLUMN_KEYS.filter((key) => peer[key] != null && settings.columns[key] === null);
  if (without.length === 0) return undefined;
  const keys = without.map((key) => `columns.${key}`).join(", ");
  const detail = `${describeDatabase(settings)}: ${keys} of egroup ${settings.egroup} not mapped`;
  return { kind: "no-column", detail };
}

const MYSQL_TYPES: Readonly<Record<ColumnKey, string>> = {
  peerid: "varchar(255) not null primary key",
  password: "varchar(255) character set utf8mb4 collate utf8mb4_bin not null",
  remip: "varchar(64) null",
  remmsk: "varchar(64) null",
  peerip: "varchar(255) null",
  bakpeerip: "varchar(255) null",
  ourid: "varchar(255) null",
};

/** NOCASE folds ASCII letters only, as peer IDs are compared. */
const SQLITE_TYPES: Readonly<Record<ColumnKey, string>> = {
  peerid: "text not null collate nocase primary key",
  password: "text not null",
  remip: "text collate nocase",
  remmsk: "text",
  peerip: "text",
  bakpeerip: "text",
  ourid: "text",
};
