/** Where rows come from: one interface for every database. */

import type { LookupFault, LookupKey, PeerRow } from "../eroute/row.ts";
import type { Result } from "../octets/result.ts";
import type { ServerInUse } from "./mysql-servers.ts";

/** A row to be written, for example by `erouted peers add`. */
export type NewPeer = Partial<PeerRow> & { readonly peerid: string; readonly password: string };

/** A row to be added; or the fields of an existing row to be changed: null empties one. */
export type PeerChange =
  | { readonly kind: "add"; readonly peer: NewPeer }
  | { readonly kind: "update"; readonly peer: Partial<PeerRow> & { readonly peerid: string } };

/** One egroup's table. Every promise settles within the deadline given at opening. */
export type PeerRepository = {
  /** All rows for a key: look-ups of the same moment share one query. Never rejects. */
  find(key: LookupKey): Promise<Result<readonly PeerRow[], LookupFault>>;
  /** Connects, and compares the table and the mapped columns with the configuration. */
  check(): Promise<Result<undefined, LookupFault>>;
  /** Creates the table if it does not exist. */
  init(): Promise<Result<"created" | "exists", LookupFault>>;
  add(peer: NewPeer): Promise<Result<undefined, LookupFault | DuplicatePeer>>;
  /**
   * Writes all of them or none. For many rows at a time, by a caller that has checked which exist:
   * it does not look for rows with the same ID. Peer IDs of updates are spelled as in the table.
   */
  write(changes: readonly PeerChange[]): Promise<Result<undefined, LookupFault>>;
  /** Up to `limit` rows in order of peer ID, after `after`. */
  list(after: string | undefined, limit: number): Promise<Result<readonly PeerRow[], LookupFault>>;
  /** Rows of any site whose `remip` is one of these texts: a few thousand at most. */
  sameSubnet(remips: readonly string[]): Promise<Result<readonly PeerRow[], LookupFault>>;
  /** How many rows there are, and how many of them are disabled. */
  count(): Promise<Result<RowCounts, LookupFault>>;
  /** Whether there was such a row. */
  remove(peerid: string): Promise<Result<boolean, LookupFault>>;
  /** What makes look-ups in this table slow or ambiguous: missing indexes. Empty if nothing. */
  advice(): Promise<Result<readonly string[], LookupFault>>;
  /**
   * IDs of rows that were written after `watermark`, and the watermark to ask with next time;
   * undefined asks only for the latter. Rows may be reported twice. A removed row is missed, and so
   * may be a row that was written at the same time as others but became visible long after them.
   * Not present if the table has no column for it.
   */
  changedSince?(watermark: string | undefined): Promise<Result<ChangedRows, LookupFault>>;
  /** How the look-ups went since opening: for the status pages. */
  statistics(): PeerStatistics;
  /** Ends what is under way with the fault `closed`, and closes the connections. */
  close(): Promise<void>;
};

export type RowCounts = { readonly rows: number; readonly disabled: number };

/** So few IDs that one answer stays small; the rest comes with the next one. */
export type ChangedRows = { readonly peerids: readonly string[]; readonly watermark: string };

export type DuplicatePeer = { readonly kind: "duplicate"; readonly detail: string };

/** Counts since opening; `seconds` includes look-ups that failed. */
export type PeerStatistics = {
  readonly lookups: number;
  readonly failures: number;
  /** Look-ups that have not been answered yet. */
  readonly waiting: number;
  /** The text of the last failure; undefined if the last look-up, or check, worked. */
  readonly lastFault: string | undefined;
  /** With several servers, the one in use, and how often it has changed. */
  readonly inUse?: ServerInUse;
  /** Upper bounds in seconds, with the number of look-ups that took no longer. */
  readonly seconds: readonly { readonly upTo: number; readonly count: number }[];
  readonly secondsSum: number;
};
