/** What an engine has to provide: one table, without coalescing, deadlines or counting. */

import type { LookupFault, LookupKey, PeerRow } from "../eroute/row.ts";
import type { Result } from "../octets/result.ts";
import type { ServerInUse } from "./mysql-servers.ts";
import type { ChangedRows, DuplicatePeer, NewPeer, PeerChange, RowCounts } from "./repository.ts";

/** Several keys of one kind, without duplicates. Networks are given without a prefix length. */
export type Selection = { readonly by: LookupKey["by"]; readonly values: readonly string[] };

/** `complete` is false if there are more rows than were requested. */
export type Selected = { readonly rows: readonly PeerRow[]; readonly complete: boolean };

/** Every promise settles at once with `timeout` when its signal is aborted, and never rejects. */
export type PeerTable = {
  select(selection: Selection, rowsPerKey: number, signal: AbortSignal): Answer<Selected>;
  check(signal: AbortSignal): Answer<undefined>;
  init(signal: AbortSignal): Answer<"created" | "exists">;
  add(peer: NewPeer, signal: AbortSignal): Promise<Result<undefined, LookupFault | DuplicatePeer>>;
  /** See {@link PeerRepository.write}. */
  write(changes: readonly PeerChange[], signal: AbortSignal): Answer<undefined>;
  list(page: Page, signal: AbortSignal): Answer<readonly PeerRow[]>;
  count(signal: AbortSignal): Answer<RowCounts>;
  /** See {@link PeerRepository.sameSubnet}. */
  sameSubnet(remips: readonly string[], signal: AbortSignal): Answer<readonly PeerRow[]>;
  remove(peerid: string, signal: AbortSignal): Answer<boolean>;
  advice(signal: AbortSignal): Answer<readonly string[]>;
  /** See {@link PeerRepository.changedSince}; empty if the table has no column for it. */
  changedSince(watermark: string | undefined, signal: AbortSignal): Answer<ChangedRows>;
  /** The server in use, if there are several; otherwise missing or undefined. */
  inUse?(): ServerInUse | undefined;
  close(): Promise<void>;
};

export type Answer<T> = Promise<Result<T, LookupFault>>;

export type Page = { readonly after: string | undefined; readonly limit: number };
