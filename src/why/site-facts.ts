/** What is known of a site when somebody asks why it is or is not connected. */

import type { CallView, ErouteView, OverlapView } from "../concentrator/snapshot.ts";
import type { Instant } from "../octets/instant.ts";
import type { DatabaseReason, MatchReason, RowReason } from "../reason/reason.ts";
import type { Attempt } from "./attempt.ts";
import type { Traffic } from "./explain-traffic.ts";
import type { Removal } from "./removals.ts";

/** All of it, gathered at one moment. */
export type SiteFacts = {
  /** As it was asked for: a peer ID, or an address. */
  readonly asked: string;
  readonly now: Instant;
  readonly nowWallMs: number;
  /** False: no daemon runs, and only the configuration and the table are known. */
  readonly isRunning: boolean;
  readonly match: MatchFacts;
  readonly row: RowFacts;
  /** What other programs removed from the kernel: its own states, then what names no site. */
  readonly removals: readonly Removal[];
  /** Its eroutes in use. */
  readonly eroutes: readonly ErouteView[];
  /** The kernel's counters of their Child SAs; empty where there is no kernel. */
  readonly traffic: Traffic;
  readonly call: CallView | undefined;
  /** The newest first. */
  readonly attempts: readonly Attempt[];
  /** If an address was asked for: the last sites that came from it. */
  readonly peersThere: readonly string[];
  /** Other attempts that ended before their ID was known; the newest first. */
  readonly strangers: readonly Attempt[];
  /** The last attempt of a similar ID that has no row. */
  readonly similar: Attempt | undefined;
  /** `192.0.2.1:500`: the addresses that sites can call. */
  readonly listening: readonly string[];
  readonly tableIsFull: boolean;
  /** Other sites that have addresses of this one. */
  readonly overlaps: readonly OverlapView[];
  /** Where all sites are redirected that can be (RFC 5685). */
  readonly redirectedTo: string | undefined;
};

/** Which eroute the ID belongs to (R1, R3). */
export type MatchFacts =
  | {
      readonly kind: "eroute";
      readonly eroute: string;
      readonly pattern: string;
      /** Of a base eroute. */
      readonly egroup: string | undefined;
      readonly canCall: boolean;
    }
  | { readonly kind: "none"; readonly reason: MatchReason; readonly closest: string | undefined }
  /** An address was asked for, which is not the ID of a site. */
  | { readonly kind: "address" };

/** A server with a login, or a file. */
export type DatabaseEngine = "mysql" | "sqlite";

/** The row as it is now (R2). */
export type RowFacts =
  /** A normal eroute has no row; or no eroute matched, so no table was asked. */
  | { readonly kind: "none" }
  | { readonly kind: "good"; readonly source: string; readonly columns: string }
  | {
      readonly kind: "faulty";
      readonly source: string;
      readonly engine: DatabaseEngine;
      /** As in `no-row`, `row-disabled`, `bad-subnet`, `database-timeout`. */
      readonly reason: RowReason | DatabaseReason | "no-egroup";
      readonly detail: string;
    };

export const SITE_STATES = [
  "connected",
  /** An IKE SA without a Child SA: no packet passes. */
  "incomplete",
  "negotiating",
  "calling",
  /**
   * The configuration or the table keeps it out now: no eroute, no row, a faulty row, a database.
   */
  "blocked",
  /** Its last attempt failed. */
  "failed",
  /** It was connected. */
  "ended",
  "never-seen",
  /** No daemon runs that could say. */
  "unknown",
] as const;

export type SiteState = (typeof SITE_STATES)[number];
