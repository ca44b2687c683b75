/** Where rows come from: one interface, whatever the database. */

import type { LookupFault, LookupKey, PeerRow } from "../eroute/row.ts";
import type { Result } from "../octets/result.ts";

/** A row to be written, by `erouted peers add`. */
export type NewPeer = Partial<PeerRow> & { readonly peerid: string; readonly password: string };

/** One egroup's table. Every promise settles within the deadline given at opening. */
export type PeerRepository = {
  /** All rows for a key: look-ups of the same moment travel in one query. Never rejects. */
  find(key: LookupKey): Promise<Result<readonly PeerRow[], LookupFault>>;
  /** Connects, and compares table and mapped columns with what is there. */
  check(): Promise<Result<undefined, LookupFault>>;
  /** Creates the table if it is not there. */
  init(): Promise<Result<"created" | "exists", LookupFault>>;
  add(peer: NewPeer): Promise<Result<undefined, LookupFault | DuplicatePeer>>;
  /** Up to `limit` rows in order of peer ID, after `after`. */
  list(after: string | undefined, limit: number): Promise<Result<readonly PeerRow[], LookupFault>>;
  /** Whether there was such a row. */
  remove(peerid: string): Promise<Result<boolean, LookupFault>>;
  /** Ends what is under way with fault `closed`, and the connections. */
  close(): Promise<void>;
};

export type DuplicatePeer = { readonly kind: "duplicate"; readonly detail: string };
