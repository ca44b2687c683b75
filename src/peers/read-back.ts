/**
 * Rows that were just written are read again before they are committed: none is stored and then not
 * found.
 */

import { type DatabaseSettings, describeDatabase } from "../eroute/database.ts";
import { peerKey } from "../eroute/peer-id.ts";
import type { LookupFault } from "../eroute/row.ts";
import { ok, type Result } from "../octets/result.ts";
import type { RawRow, Statement } from "./raw-row.ts";
import type { PeerChange } from "./repository.ts";
import { peerRow, type Statements } from "./statement.ts";

/** IDs in one query. */
const IDS_MAX = 64;

/**
 * Looks up each added row as a site's call would. A column that drops blanks, adds NUL octets, or
 * turns 007 into a number returns another ID: the transaction then has to be rolled back.
 */
export async function readBack<F>(
  changes: readonly PeerChange[],
  statements: Statements,
  read: (statement: Statement) => Promise<Result<readonly RawRow[], F>>,
): Promise<Result<{ readonly lost: string | undefined }, F>> {
  const added = changes.flatMap(({ kind, peer }) => (kind === "add" ? [peer.peerid] : []));
  for (let from = 0; from < added.length; from += IDS_MAX) {
    const values = added.slice(from, from + IDS_MAX);
    const rows = await read(statements.select({ by: "peerid", values }, ROWS_PER_ID));
    if (!rows.ok) return rows;
    const found = new Set(rows.value.map((raw) => peerKey(peerRow(raw).peerid)));
    const lost = values.find((id) => !found.has(peerKey(id)));
    if (lost !== undefined) return ok({ lost });
  }
  return ok({ lost: undefined });
}

/** The message about a row that could not be found. */
export function lostFault(peerid: string, settings: DatabaseSettings): LookupFault {
  const why =
    settings.where === undefined
      ? `check the type of ${settings.columns.peerid} (CHAR drops blanks, BINARY adds NUL, ` +
        "numbers lose zeros), or give the site another ID"
      : `\`where\` of egroup ${settings.egroup} excludes it (columns that are not ours need ` +
        "matching defaults), or the type of the column changes the ID";
  const detail =
    `${describeDatabase(settings)}: no row comes back for ${JSON.stringify(peerid)} ` +
    `under that ID: not written; ${why}`;
  return { kind: "other", detail };
}

/** Spellings that only a collation considers equal. */
const ROWS_PER_ID = 4;
