/** A new peer table, with everything that look-ups and the search for changes need. */

import { type SQL, sql } from "drizzle-orm";
import type { Statement } from "./raw-row.ts";
import type { PeerSchema, TableKey } from "./schema.ts";
import { TABLE_KEYS } from "./schema.ts";

/** Creates the table with its indexes. */
export function createMysqlTable(schema: PeerSchema): Statement {
  const lines = columnLines(schema, MYSQL_TYPES);
  const { remip, peerip, ppk_id, changed } = schema.columns;
  // A list of subnets may be long: rows are found by its beginning.
  if (remip !== undefined) lines.push(sql`key (${sql.identifier(remip.name)}(64))`);
  for (const column of [peerip, ppk_id, changed]) {
    if (column !== undefined) lines.push(sql`key (${sql.identifier(column.name)})`);
  }
  const end = sql.raw(" engine=InnoDB default charset=utf8mb4");
  return render(schema, sql`create table ${schema.table} (${sql.join(lines, sql`, `)})${end}`);
}

/**
 * Creates the table, its indexes, and the triggers for its column for changes: one after another.
 */
export function createSqliteTable(schema: PeerSchema, table: string): readonly Statement[] {
  const lines = columnLines(schema, SQLITE_TYPES);
  const { remip, peerip, ppk_id, changed } = schema.columns;
  // Write-ahead logging: a writer does not keep the daemon from reading.
  const statements = [sql`pragma journal_mode = wal`];
  statements.push(sql`create table if not exists ${schema.table} (${sql.join(lines, sql`, `)})`);
  for (const column of [remip, peerip, ppk_id, changed]) {
    if (column === undefined) continue;
    const index = sql.identifier(`${table}_${column.name}`);
    const on = sql`${schema.table} (${sql.identifier(column.name)})`;
    statements.push(sql`create index if not exists ${index} on ${on}`);
  }
  if (changed !== undefined) {
    statements.push(changeTrigger(schema, `${table}_inserted`, changed.name, "insert"));
    statements.push(changeTrigger(schema, `${table}_updated`, changed.name, "update"));
  }
  return statements.map((statement) => render(schema, statement));
}

/** The time in ms, but always greater than in any row: no two writes have the same value. */
function changeTrigger(
  schema: PeerSchema,
  name: string,
  column: string,
  on: "insert" | "update",
): SQL {
  const changed = sql.identifier(column);
  const when = on === "insert" ? sql`` : sql`when new.${changed} is old.${changed}`;
  const next = sql`max(${sql.raw(NOW_MS)}, (select max(${changed}) + 1 from ${schema.table}))`;
  const set = sql`update ${schema.table} set ${changed} = ${next} where rowid = new.rowid`;
  const trigger = sql`create trigger if not exists ${sql.identifier(name)}`;
  const event = sql.raw(`after ${on}`);
  return sql`${trigger} ${event} on ${schema.table} for each row ${when} begin ${set}; end`;
}

const NOW_MS = "cast((julianday('now') - 2440587.5) * 86400000 as integer)";

function columnLines(schema: PeerSchema, types: Readonly<Record<TableKey, string>>): SQL[] {
  return TABLE_KEYS.flatMap((key) => {
    const column = schema.columns[key];
    return column === undefined ? [] : [sql`${sql.identifier(column.name)} ${sql.raw(types[key])}`];
  });
}

function render(schema: PeerSchema, query: SQL): Statement {
  return { sql: schema.dialect.sqlToQuery(query).sql, params: [] };
}

const MYSQL_TYPES: Readonly<Record<TableKey, string>> = {
  peerid: "varchar(255) not null primary key",
  password: "varchar(255) character set utf8mb4 collate utf8mb4_bin null",
  remip: "varchar(400) null",
  remmsk: "varchar(64) null",
  peerip: "varchar(255) null",
  bakpeerip: "varchar(255) null",
  ourid: "varchar(255) null",
  locip: "varchar(400) null",
  disabled: "boolean not null default false",
  lifetime: "varchar(32) null",
  inactivity: "varchar(32) null",
  if_id: "int unsigned null",
  ppk: "varchar(255) character set utf8mb4 collate utf8mb4_bin null",
  ppk_id: "varchar(255) character set utf8mb4 collate utf8mb4_bin null",
  post_quantum: "boolean null",
  changed: "timestamp(6) not null default current_timestamp(6) on update current_timestamp(6)",
};

/** NOCASE folds only ASCII letters, which is how peer IDs are compared. */
const SQLITE_TYPES: Readonly<Record<TableKey, string>> = {
  peerid: "text not null collate nocase primary key",
  password: "text",
  remip: "text collate nocase",
  remmsk: "text",
  peerip: "text",
  bakpeerip: "text",
  ourid: "text",
  locip: "text",
  disabled: "integer not null default 0",
  lifetime: "text",
  inactivity: "text",
  if_id: "integer",
  ppk: "text",
  ppk_id: "text",
  post_quantum: "integer",
  changed: "integer not null default 0",
};
