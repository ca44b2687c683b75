/**
 * What the status server reads: the daemon provides it, and nothing in it can change the engine.
 */

import type { JournalRecord } from "../concentrator/journal/journal.ts";
import type { ErouteView, OverlapView, Snapshot } from "../concentrator/snapshot.ts";
import type { Instant } from "../octets/instant.ts";
import type { Result } from "../octets/result.ts";
import type { Attempt, LastAttempts } from "../why/attempt.ts";
import type { Explanation } from "../why/explain.ts";

import type { Series } from "./series.ts";

/** Rows of one egroup. */
export type ExpectedSites = { readonly rows: number; readonly disabled: number };

/** Bytes and packets of one XFRM state. */
export type StateUse = { readonly octets: bigint; readonly packets: bigint };

/** Uses of states, each named by its destination address as text and its SPI. */
export type StateUses = { of(address: string, spi: number): StateUse | undefined };

/** What Child SAs have carried since start; read every 10 s. */
export type TrafficTotals = {
  readonly octetsIn: number;
  readonly octetsOut: number;
  readonly packetsIn: number;
  readonly packetsOut: number;
};

export type StatusSource = {
  snapshot(): Snapshot;
  /** The last `count` records with a sequence above `after`, oldest first. */
  events(count: number, after?: number): readonly JournalRecord[];
  /** The first `count` records that are kept with a sequence above `after`. */
  eventsAfter(after: number, count: number): readonly JournalRecord[];
  /** Calls for each new record, until the returned function is called. */
  onEvent(listener: () => void): () => void;
  /** All of the kernel's counters, at most a second old; none without a kernel. */
  stateUses(): Promise<StateUses>;
  /** Those of these eroutes alone, as they are now: takes as long beside any number of others. */
  usesOf(views: readonly Pick<ErouteView, "childSas">[]): Promise<StateUses>;
  traffic(): TrafficTotals;
  /** Attempts that failed or were refused since start, by reason. */
  failures(): ReadonlyMap<string, number>;
  /** Events that were folded into a line with others, since start. */
  folded(): number;
  /** The longest that the event loop was held up in the last minute, in seconds. */
  loopDelaySeconds(): number;
  /** How often the configuration file was read again, by result. */
  reloads(): ReadonlyMap<string, number>;
  /** Figures of the last hour, or of the last two days. */
  series(range: "hour" | "days"): Series;
  /** Time of day, ms since 1970, of an instant of the engine. */
  wallMs(at: Instant): number;
  /** Time of day now, ms since 1970. */
  wallMsNow(): number;
  /** Rows of an egroup in order of peer ID, behind one; the error is the database's, in words. */
  rows(
    egroup: string,
    after: string | undefined,
    limit: number,
  ): Promise<Result<readonly PeerListing[], string>>;
  /** The last attempt of each that may not be connected; see {@link Attempts.notConnected}. */
  notConnected(): LastAttempts;
  /** Rows by egroup, counted once a minute; an egroup that was not counted yet is missing. */
  expected(): ReadonlyMap<string, ExpectedSites>;
  /** Whether the site has been seen since start. */
  isSeen(peerId: string): boolean;
  /** Explains a peer ID or an address; its row is read for this. Never rejects. */
  explain(asked: string): Promise<SiteExplanation>;
  readonly facts: StatusFacts;
  /** Why the daemon is not healthy now, in words; none if it is. */
  problems(): readonly string[];
  /** Database connections by egroup, for /status and /metrics. */
  databases(): readonly DatabaseView[];
};

/** Why a site is or is not connected, and its attempts, the newest first. */
export type SiteExplanation = {
  readonly explanation: Explanation;
  readonly attempts: readonly Attempt[];
};

export type StatusFacts = {
  readonly version: string;
  readonly dataplane: "xfrm" | "none";
  readonly startedWallMs: number;
  readonly configFile: string;
  readonly listening: readonly string[];
  /** Names of the configured eroutes. */
  readonly eroutes: readonly string[];
  /** Names of the configured egroups. */
  readonly egroups: readonly string[];
  /** Undefined: nothing was taken over from the run before. */
  readonly takenOver: TakenOverView | undefined;
  /** Octets that are kept for the next start; undefined: nothing is kept. */
  readonly keptOctets: number | undefined;
};

/** How many sites there were when the run before ended, and how many of them stay. */
export type TakenOverView = {
  readonly before: number;
  readonly now: number;
  /** How many others there were, by reason. */
  readonly closed: ReadonlyMap<string, number>;
  readonly summary: string;
};

/** A row as it may be shown: without its keys, but whether it has them. */
export type PeerListing = {
  readonly peerid: string;
  readonly hasPassword: boolean;
  readonly hasPpk: boolean;
  readonly remip: string | null;
  readonly remmsk: string | null;
  readonly peerip: string | null;
  readonly bakpeerip: string | null;
  readonly ourid: string | null;
  readonly isDisabled: boolean;
  /** Other sites that have addresses of this one. */
  readonly overlaps: readonly OverlapView[];
};

export type DatabaseView = {
  readonly egroup: string;
  /** Without password: `mysql://erouted@db.example/vpn table eroutes`. */
  readonly source: string;
  readonly lookups: number;
  readonly failures: number;
  readonly waiting: number;
  /** What the last failure said; undefined if the last look-up worked. */
  readonly lastFault: string | undefined;
  /** Of several servers the one in use, and how often there was a change. */
  readonly inUse?: { readonly server: string; readonly failovers: number };
  /**
   * Look-up times since start: upper bounds in seconds, each with the number that took no longer.
   */
  readonly seconds: readonly { readonly upTo: number; readonly count: number }[];
  readonly secondsSum: number;
};
