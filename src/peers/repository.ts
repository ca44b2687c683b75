/** Where rows come from: one interface, whatever the database. */

import type { LookupFault, LookupKey, PeerRow } from "../eroute/row.ts";
import type { Result } from "../octets/result.ts";
import type { ServerInUse } from "./mysql-servers.ts";

/** A row to be written, by `erouted peers add`. */
export type NewPeer = Partial<PeerRow> & { readonly peerid: string; readonly password: string };

/** A row to be added; or fields of a row that is there, those that are given: null empties one. */
export type PeerChange =
  | { readonly kind: "add"; readonly peer: NewPeer }
  | { readonly kind: "update"; readonly peer: Partial<PeerRow> & { readonly peerid: string } };

/** One egroup's table. Every promise settles within the deadline given at opening. */
export type PeerRepository = {
  /** All rows for a key: look-ups of the same moment travel in one query. Never rejects. */
  find(key: LookupKey): Promise<Result<readonly PeerRow[], LookupFault>>;
  /** Connects, and compares table and mapped columns with what is there. */
  check(): Promise<Result<undefined, LookupFault>>;
  /** Creates the table if it is not there. */
  init(): Promise<Result<"created" | "exists", LookupFault>>;
  add(peer: NewPeer): Promise<Result<undefined, LookupFault | DuplicatePeer>>;
  /**
   * Writes all of them or none. For many rows at a time, by somebody who has looked which there
   * are: rows of the same ID are not looked for. Peer IDs of updates are spelled as in the table.
   */
  write(changes: readonly PeerChange[]): Promise<Result<undefined, LookupFault>>;
  /** Up to `limit` rows in order of peer ID, after `after`. */
  list(after: string | undefined, limit: number): Promise<Result<readonly PeerRow[], LookupFault>>;
  /** Rows whose `remip` is one of these texts, whoever they are of: a few thousand at most. */
  sameSubnet(remips: readonly string[]): Promise<Result<readonly PeerRow[], LookupFault>>;
  /** How many rows there are, and how many of them are disabled. */
  count(): Promise<Result<RowCounts, LookupFault>>;
  /** Whether there was such a row. */
  remove(peerid: string): Promise<Result<boolean, LookupFault>>;
  /** What makes look-ups slow or ambiguous in this table: missing indexes. Empty if nothing. */
  advice(): Promise<Result<readonly string[], LookupFault>>;
  /**
   * IDs of rows that were written after `watermark`, and the watermark to ask with next time;
   * undefined asks for the latter only. Rows may be told of twice. One that was written at the
   * same time as others and became visible long after them may be missed, and one that was removed
   * is. Missing where the table has no column for it.
   */
  changedSince?(watermark: string | undefined): Promise<Result<ChangedRows, LookupFault>>;
  /** How the look-ups went since opening: for the status pages. */
  statistics(): PeerStatistics;
  /** Ends what is under way with fault `closed`, and the connections. */
  close(): Promise<void>;
};

export type RowCounts = { readonly rows: number; readonly disabled: number };

/** At most so many IDs that one answer stays small; the rest comes with the next one. */
export type ChangedRows = { readonly peerids: readonly string[]; readonly watermark: string };

export type DuplicatePeer = { readonly kind: "duplicate"; readonly detail: string };

/** Counts since opening; a look-up that failed counts in `seconds` too. */
export type PeerStatistics = {
  readonly lookups: number;
  readonly failures: number;
  /** Look-ups that have not been answered yet. */
  readonly waiting: number;
  /** What the last failure said; undefined if the last look-up, or check, worked. */
  readonly lastFault: string | undefined;
  /** Of several servers the one that is asked, and how often another one was taken. */
  readonly inUse?: ServerInUse;
  /** Upper bounds in seconds, with how many look-ups took no longer. */
  readonly seconds: readonly { readonly upTo: number; readonly count: number }[];
  readonly secondsSum: number;
};
