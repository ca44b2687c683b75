/** What tests of the peer table need, whatever the database. */

import type { ColumnMap, DatabaseSettings } from "../../src/eroute/database.ts";
import type { LookupFault, LookupKey, PeerRow } from "../../src/eroute/row.ts";
import type { Result } from "../../src/octets/result.ts";
import { openPeers } from "../../src/peers/open.ts";
import type { PeerRepository } from "../../src/peers/repository.ts";

/** A database of its own for one run of the suite. */
export type PeersGround = {
  /** Settings for a table that need not exist. */
  settings(table: string, changes?: Partial<DatabaseSettings>): DatabaseSettings;
  /** Runs SQL directly, as an operator does. */
  sql(statement: string): Promise<void>;
  dispose(): Promise<void>;
};

/** Each of our words is the column's name. */
export const ALL_COLUMNS: ColumnMap = {
  peerid: "peerid",
  password: "password",
  remip: "remip",
  remmsk: "remmsk",
  peerip: "peerip",
  bakpeerip: "bakpeerip",
  ourid: "ourid",
  locip: "locip",
  disabled: "disabled",
  lifetime: "lifetime",
  inactivity: "inactivity",
  if_id: "if_id",
  ppk: "ppk",
  ppk_id: "ppk_id",
  post_quantum: "post_quantum",
  changed: "changed",
};

/** Opens a repository; a fault fails the test. */
export function opened(settings: DatabaseSettings): PeerRepository {
  const result = openPeers(settings);
  if (!result.ok) throw new Error(result.error.detail);
  return result.value;
}

/** The rows of a look-up; a fault fails the test. */
export function rowsOf(result: Result<readonly PeerRow[], LookupFault>): readonly PeerRow[] {
  if (!result.ok) throw new Error(`${result.error.kind}: ${result.error.detail}`);
  return result.value;
}

export function byId(peerid: string): LookupKey {
  return { by: "peerid", peerid };
}

export function byNetwork(network: string): LookupKey {
  return { by: "network", network };
}
