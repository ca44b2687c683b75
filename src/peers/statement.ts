/** The queries on the peer table: drizzle writes them, an engine prepares and executes them. */

import { and, asc, type Column, eq, gt, inArray, like, or, type SQL, sql } from "drizzle-orm";
import type { PeerRow } from "../eroute/row.ts";
import { assert } from "../octets/assert.ts";
import { type ChangeStatements, changeStatements } from "./changed-rows.ts";
import type { RawRow, Statement } from "./raw-row.ts";
import type { NewPeer, PeerChange, RowCounts } from "./repository.ts";
import { COLUMN_KEYS, type ColumnKey, type PeerSchema } from "./schema.ts";
import type { Page, Selection } from "./table.ts";

export type Statements = {
  /** One row more than `rowsMax` shows that there are too many. */
  select(selection: Selection, rowsPerKey: number): Statement & { readonly rowsMax: number };
  list(page: Page): Statement;
  /** See {@link rowCounts}. */
  count(): Statement;
  sameSubnet(remips: readonly string[]): Statement;
  insert(peer: NewPeer): Statement;
  /** For the given fields that have a column. */
  update(peer: Partial<PeerRow> & { readonly peerid: string }): Statement;
  remove(peerid: string): Statement;
  /** Reads nothing, but fails if a look-up would. */
  probe(): Statement;
  /** Undefined if the table has no column that says when a row was written. */
  readonly changes: ChangeStatements | undefined;
};

export function statementsFor(schema: PeerSchema): Statements {
  const peerid = required(schema, "peerid");
  const selects = new Map<string, string>();
  const render = (query: SQL): Statement => {
    const rendered = schema.dialect.sqlToQuery(query);
    return { sql: rendered.sql, params: rendered.params as string[] };
  };
  const rows = selectRows(schema);
  const ours = (where: SQL | undefined) => and(schema.condition, where);
  return {
    select(selection, rowsPerKey) {
      const values = pad(selection.values);
      const rowsMax = values.length * rowsPerKey;
      const ends = selection.by === "network" ? BEHIND_NETWORK : [];
      const params = [...values, ...ends.flatMap((end) => values.map((value) => value + end))];
      // The text depends only on two small numbers: few statements are prepared, and none twice.
      const shape = `${selection.by} ${values.length} ${rowsMax}`;
      const known = selects.get(shape);
      if (known !== undefined) return { sql: known, params, rowsMax };
      const where = selected(schema, { by: selection.by, values });
      const text = render(sql`${rows} where ${ours(where)} ${limit(rowsMax + 1)}`).sql;
      selects.set(shape, text);
      return { sql: text, params, rowsMax };
    },
    list(page) {
      const after = page.after === undefined ? undefined : gt(peerid, page.after);
      const both = ours(after);
      const where = both === undefined ? sql`` : sql`where ${both}`;
      return render(sql`${rows} ${where} order by ${asc(peerid)} ${limit(page.limit)}`);
    },
    count() {
      const where = schema.condition === undefined ? sql`` : sql`where ${schema.condition}`;
      const { disabled } = schema.columns;
      // As text: a number compared with text would be compared as a number.
      const isDisabled =
        disabled === undefined ? sql`0` : sql`sum(case when ${isYes(disabled)} then 1 else 0 end)`;
      return render(sql`select count(*), ${isDisabled} from ${schema.table} ${where}`);
    },
    sameSubnet(remips) {
      const where = inArray(required(schema, "remip"), pad(remips));
      return render(sql`${rows} where ${ours(where)} ${limit(SAME_SUBNET_ROWS_MAX)}`);
    },
    insert(peer) {
      const given = COLUMN_KEYS.filter((key) => schema.columns[key] && peer[key] != null);
      const names = given.map((key) => sql.identifier(required(schema, key).name));
      const values = given.map((key) => sql`${peer[key]}`);
      const into = sql`${schema.table} (${sql.join(names, sql`, `)})`;
      return render(sql`insert into ${into} values (${sql.join(values, sql`, `)})`);
    },
    update(peer) {
      const given = COLUMN_KEYS.filter((key) => schema.columns[key] && peer[key] !== undefined);
      const sets = given.map((key) => {
        // Tables of ours have 0 if a site is not disabled, and never NULL.
        const value = peer[key] ?? (key === "disabled" ? "0" : null);
        const name = sql.identifier(required(schema, key).name);
        return value === null ? sql`${name} = null` : sql`${name} = ${value}`;
      });
      const where = ours(eq(peerid, peer.peerid));
      return render(sql`update ${schema.table} set ${sql.join(sets, sql`, `)} where ${where}`);
    },
    remove(id) {
      return render(sql`delete from ${schema.table} where ${ours(eq(peerid, id))}`);
    },
    probe() {
      const where = schema.condition === undefined ? sql`` : sql`where ${schema.condition}`;
      return render(sql`${rows} ${where} ${limit(0)}`);
    },
    changes: changeStatements(schema),
  };
}

/** The statement that does it. */
export function changeStatement(statements: Statements, { kind, peer }: PeerChange): Statement {
  return kind === "add" ? statements.insert(peer) : statements.update(peer);
}

/** The result of {@link Statements.count}; some drivers give sums as text. */
export function rowCounts(raw: RawRow | undefined): RowCounts {
  return { rows: Number(raw?.[0] ?? 0), disabled: Number(raw?.[1] ?? 0) };
}

function isYes(column: Column): SQL {
  return sql`lower(cast(${column} as char)) in (${sql.raw(YES_LIST)})`;
}

/** What `rowEnabled` accepts as yes, and the one bit of BIT(1). */
const YES_LIST = "'1', 'true', 't', 'yes', 'y', 'on', '\u0001'";

/** A driver's row as ours: text or null, whatever the types of the table's columns. */
export function peerRow(raw: RawRow): PeerRow {
  return {
    peerid: asText(raw[0]) ?? "",
    password: asText(raw[1]),
    remip: asText(raw[2]),
    remmsk: asText(raw[3]),
    peerip: asText(raw[4]),
    bakpeerip: asText(raw[5]),
    ourid: asText(raw[6]),
    locip: asText(raw[7]),
    disabled: bitText(raw[8]) ?? asText(raw[8]),
    lifetime: asText(raw[9]),
    inactivity: asText(raw[10]),
    if_id: asText(raw[11]),
    ppk: asText(raw[12]),
    ppk_id: asText(raw[13]),
    post_quantum: bitText(raw[14]) ?? asText(raw[14]),
  };
}

function required(schema: PeerSchema, key: ColumnKey): Column {
  const column = schema.columns[key];
  assert(column !== undefined, `column ${key} is not mapped`);
  return column;
}

function selectRows(schema: PeerSchema): SQL {
  const columns = COLUMN_KEYS.map((key) => schema.columns[key] ?? sql`null`);
  const list = columns.map((column) => sql`${column}`);
  return sql`select ${sql.join(list, sql`, `)} from ${schema.table}`;
}

/** Without a column for it no row has the value, and the parameters stand for nothing. */
function selected(schema: PeerSchema, { by, values }: Selection): SQL | undefined {
  if (by === "network") return networks(schema, values);
  const column = schema.columns[COLUMN_OF[by]];
  return column === undefined ? inArray(sql`null`, values) : inArray(column, values);
}

/** The column that holds a key of this kind as it is. */
const COLUMN_OF = { peerid: "peerid", address: "peerip", ppk: "ppk_id" } as const;

/**
 * The network address alone, or followed by a mask or more subnets: the index finds all of them.
 */
function networks(schema: PeerSchema, values: readonly string[]): SQL | undefined {
  const remip = required(schema, "remip");
  const ends = BEHIND_NETWORK.flatMap((end) => values.map((value) => like(remip, value + end)));
  return or(inArray(remip, values), ...ends);
}

/** What may follow it: a mask, and in a list a comma or a blank. */
const BEHIND_NETWORK = ["/%", ",%", " %"] as const;

const SAME_SUBNET_ROWS_MAX = 4_096;

/** Not a parameter: some servers refuse a prepared LIMIT whose number arrives as a double. */
function limit(rows: number): SQL {
  return sql`limit ${sql.raw(String(Math.trunc(rows)))}`;
}

/** Repeats the last value up to a power of two, so that few distinct statements are prepared. */
function pad(values: readonly string[]): readonly string[] {
  let length = 1;
  while (length < values.length) length *= 2;
  const last = values.at(-1);
  assert(last !== undefined, "a selection has a value");
  return [...values, ...new Array<string>(length - values.length).fill(last)];
}

/** A column of type BIT(1). */
function bitText(value: unknown): string | undefined {
  if (!(value instanceof Uint8Array) || value.length !== 1) return undefined;
  return value[0] === 0 || value[0] === 1 ? String(value[0]) : undefined;
}

function asText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  return String(value);
}
