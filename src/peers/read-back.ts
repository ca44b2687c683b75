/** Rows that were just written are read again before they count: none is stored and lost. */

import { type DatabaseSettings, describeDatabase } from "../eroute/database.ts";
import { peerKey } from "../eroute/peer-id.ts";
import type { LookupFault } from "../eroute/row.ts";
import { ok, type Result } from "../octets/result.ts";
import type { PeerChange } from "./repository.ts";
import { peerRow, type RawRow, type Statement, type Statements } from "./statement.ts";

/** IDs of one query. */
const IDS_MAX = 64;

/**
 * Looks up each added row as a site's call would. A column that drops blanks or adds NUL octets, or
 * takes 007 for a number, gives another ID back: the transaction is then to be taken back.
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

/** What is said of a row that nobody would find. */
export function lostFault(peerid: string, settings: DatabaseSettings): LookupFault {
  const why =
    settings.where === undefined
      ? `look at the type of ${settings.columns.peerid} (CHAR drops blanks, BINARY adds NUL, ` +
        "numbers lose zeros), or give the site another ID"
      : `\`where\` of egroup ${settings.egroup} leaves it out (columns that are not ours have to ` +
        "have a default that fits), or the type of the column changes the ID";
  const detail =
    `${describeDatabase(settings)}: the table does not give the row of ${JSON.stringify(peerid)} ` +
    `back under that ID: not written; ${why}`;
  return { kind: "other", detail };
}

/** Spellings that only a collation takes for equal. */
const ROWS_PER_ID = 4;
