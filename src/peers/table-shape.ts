/** The shape of a peer table: which columns and indexes it lacks. */

import { type DatabaseSettings, describeDatabase } from "../eroute/database.ts";
import type { LookupFault, PeerRow } from "../eroute/row.ts";

import { COLUMN_KEYS, mappedColumns } from "./schema.ts";

export type IndexShape = { readonly column: string; readonly unique: boolean };

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
  isView = false,
): readonly string[] {
  const { columns, table } = settings;
  const advice: string[] = [];
  if (isView) {
    const names = [columns.peerid, columns.remip].join(" and ");
    return [`${table} is a view: indexes on ${names} have to be on the tables that it reads`];
  }
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
  const { changed } = columns;
  if (changed != null && of(changed).length === 0) {
    const name = `${table}.${changed}`;
    advice.push(`${name} has no index: the search for changed rows reads the whole table`);
  }
  return advice;
}

/** A fault if the row has a value for which the table has no column. */
export function unmapped(
  peer: Partial<PeerRow>,
  settings: DatabaseSettings,
): LookupFault | undefined {
  const without = COLUMN_KEYS.filter((key) => peer[key] != null && settings.columns[key] == null);
  if (without.length === 0) return undefined;
  const keys = without.map((key) => `columns.${key}`).join(", ");
  const where = describeDatabase(settings);
  const detail =
    `${where}: the table has no column for ${without.join(", ")}, which is optional: add one of ` +
    `that name, or set another name with ${keys} of egroup ${settings.egroup}`;
  return { kind: "no-column", detail };
}
