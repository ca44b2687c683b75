/** Rows written since the last look, found by a column that grows whenever a row is written. */

import { and, asc, type Column, desc, eq, gt, isNotNull, or, type SQL, sql } from "drizzle-orm";
import { SQLiteSyncDialect } from "drizzle-orm/sqlite-core";
import { withoutPadding } from "../eroute/peer-id.ts";
import { ok } from "../octets/result.ts";
import type { RawRow, Statement } from "./raw-row.ts";
import type { ChangedRows } from "./repository.ts";
import type { PeerSchema } from "./schema.ts";
import type { Answer } from "./table.ts";

export type ChangeStatements = {
  /** The last row that was written. */
  last(): Statement;
  /** Rows after the mark in the order in which they were written, some of them. */
  after(mark: Mark): Statement;
  /** How many rows have the mark's value. */
  count(mark: Mark): Statement;
};

/**
 * How far rows have been reported. Many rows may share one value (all that one UPDATE writes), and
 * one may get it after the others were reported: a value's rows are ordered by peer ID and counted.
 */
type Mark = {
  /** Undefined: no row of the table had a value. */
  readonly value: string | undefined;
  /** In SQLite a column holds texts and numbers side by side. */
  readonly isNumber: boolean;
  /** Rows of this value up to this peer ID; undefined: none of them. */
  readonly peerid: string | undefined;
  /** Rows of this value that have been reported. */
  readonly told: number;
  /** The value's rows are being reported a second time: `told` counts all of them already. */
  readonly again: boolean;
};

/** Rows of one answer: the next one follows at once while there are more. */
const PAGE_ROWS = 500;

const NOTHING_YET: Mark = {
  value: undefined,
  isNumber: false,
  peerid: undefined,
  told: 0,
  again: false,
};

/** Undefined if the table has no column that says when a row was written. */
export function changeStatements(schema: PeerSchema): ChangeStatements | undefined {
  const { changed, peerid } = schema.columns;
  const ours = (where: SQL | undefined) => and(schema.condition, where);
  if (changed === undefined || peerid === undefined) return undefined;
  const sqlite = schema.dialect instanceof SQLiteSyncDialect;
  const render = (query: SQL): Statement => {
    const { sql: text, params } = schema.dialect.sqlToQuery(query);
    return { sql: text, params: params as string[] };
  };
  const as = sql.raw(sqlite ? "text" : "char");
  const type = sqlite ? sql`typeof(${changed})` : sql`'text'`;
  const rows = sql`select ${peerid}, cast(${changed} as ${as}), ${type} from ${schema.table}`;
  const order = sql`order by ${asc(changed)}, ${asc(peerid)} limit ${sql.raw(String(PAGE_ROWS))}`;
  const newest = sql`order by ${desc(changed)}, ${desc(peerid)} limit 1`;
  return {
    last: () => render(sql`${rows} where ${ours(isNotNull(changed))} ${newest}`),
    after: (mark) => render(sql`${rows} where ${ours(behind(mark, changed, peerid))} ${order}`),
    count: (mark) =>
      render(sql`select count(*) from ${schema.table} where ${ours(eq(changed, valueSql(mark)))}`),
  };
}

/** See {@link PeerRepository.changedSince}; `read` runs a statement. */
export async function readChanges(
  statements: ChangeStatements,
  watermark: string | undefined,
  read: (statement: Statement) => Answer<readonly RawRow[]>,
): Answer<ChangedRows> {
  const mark = parseMark(watermark);
  if (mark === undefined) return firstMark(statements, read);
  const rows = await read(statements.after(mark));
  if (!rows.ok) return rows;
  const peerids = idsOf(rows.value);
  if (peerids.length > 0) return ok({ peerids, watermark: formatMark(advance(mark, rows.value)) });
  if (mark.value === undefined) return ok({ peerids, watermark: formatMark(mark) });
  const count = await read(statements.count(mark));
  if (!count.ok) return count;
  const there = Number(count.value[0]?.[0]);
  if (there <= mark.told) return ok({ peerids, watermark: formatMark({ ...mark, told: there }) });
  // Some rows got the value after the others had been reported, and their IDs come before.
  const start: Mark = { ...mark, peerid: undefined, told: there, again: true };
  const again = await read(statements.after(start));
  if (!again.ok) return again;
  return ok({ peerids: idsOf(again.value), watermark: formatMark(advance(start, again.value)) });
}

/** As they are, and without padding by the table: either may be the one that a site uses. */
function idsOf(rows: readonly RawRow[]): readonly string[] {
  const ids = rows.map((row) => String(row[0]));
  return [...new Set(ids.flatMap((id) => [id, withoutPadding(id)]))];
}

async function firstMark(
  statements: ChangeStatements,
  read: (statement: Statement) => Answer<readonly RawRow[]>,
): Answer<ChangedRows> {
  const last = await read(statements.last());
  if (!last.ok) return last;
  if (last.value.length === 0) return ok({ peerids: [], watermark: formatMark(NOTHING_YET) });
  const mark = advance(NOTHING_YET, last.value);
  const count = await read(statements.count(mark));
  if (!count.ok) return count;
  const told = Number(count.value[0]?.[0]);
  return ok({ peerids: [], watermark: formatMark({ ...mark, told }) });
}

function advance(mark: Mark, rows: readonly RawRow[]): Mark {
  const last = rows.at(-1);
  if (last === undefined) return mark;
  const [peerid, value, type] = last.map(String);
  const isSame = value === mark.value;
  const again = isSame && mark.again;
  const count = rows.filter((row) => String(row[1]) === value).length;
  const told = again ? mark.told : count + (isSame ? mark.told : 0);
  return { value, isNumber: type === "integer" || type === "real", peerid, told, again };
}

function behind(mark: Mark, changed: Column, peerid: Column): SQL | undefined {
  if (mark.value === undefined) return sql`${changed} is not null`;
  const value = valueSql(mark);
  const rest = mark.peerid === undefined ? undefined : gt(peerid, mark.peerid);
  return or(gt(changed, value), and(eq(changed, value), rest));
}

function valueSql({ value, isNumber }: Mark): SQL {
  return isNumber ? sql`cast(${value} as numeric)` : sql`${value}`;
}

function formatMark(mark: Mark): string {
  return JSON.stringify(mark);
}

/** Undefined if there is none, or one from another table. */
function parseMark(watermark: string | undefined): Mark | undefined {
  if (watermark === undefined || watermark === NO_COLUMN) return undefined;
  return JSON.parse(watermark) as Mark;
}

/** The mark of a table without such a column: a table that gets one later starts from here. */
export const NO_COLUMN = "";
