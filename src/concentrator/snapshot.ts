/** What the status pages show of the engine: copies, without secrets. */

import type { IkeMajor, OverlapRule } from "../eroute/eroute.ts";
import type { Claim, SharedSubnet } from "../eroute/shared-subnet.ts";
import type { Instant } from "../octets/instant.ts";
import type { XfrmMark } from "../xfrm/state.ts";
import type { AlgorithmCount } from "./algorithm-counts.ts";
import type { CallReason } from "./calls/calls.ts";

export type ChildSaView = {
  readonly spiIn: number;
  readonly spiOut: number;
  /** Both addresses of the ESP packets, as text: with the SPI they name the kernel's states. */
  readonly localAddress: string;
  readonly remoteAddress: string;
  /** That of the outbound state, without which the kernel does not find it. */
  readonly mark?: XfrmMark | undefined;
  readonly mode: "tunnel" | "transport";
  readonly udpEncapsulation: boolean;
  /** `AES_GCM_16_256`, or `AES_CBC_128/HMAC_SHA2_256_128`; `/ESN` behind it with ESN. */
  readonly algorithms: string;
  readonly localSubnets: readonly string[];
  readonly remoteSubnets: readonly string[];
  readonly installedAt: Instant;
};

export type IkeSaView = {
  readonly spiI: string;
  readonly spiR: string;
  /** The version of IKE. */
  readonly version: 1 | 2;
  readonly role: "initiator" | "responder";
  /** `AES_CBC_128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/X25519`. */
  readonly algorithms: string;
  /** A PPK is in its keys (RFC 8784). */
  readonly ppk: boolean;
  /** Its proofs cover both first messages: what was agreed on cannot have been weakened. */
  readonly downgradePrevention: boolean;
  readonly localEndpoint: string;
  readonly remoteEndpoint: string;
  readonly nat: "none" | "local" | "remote" | "both";
  readonly establishedAt: Instant;
  /** Whether the site can be sent to another gateway (RFC 5685). */
  readonly redirectable: boolean;
};

/** The certificate that a site authenticated with, if it did not use its pre-shared key. */
export type CertificateView = {
  readonly subject: string;
  readonly issuer: string;
  /** Hex digits. */
  readonly serial: string;
  /** Time of day, ms since 1970. */
  readonly notAfterMs: number;
};

/** An eroute in use: a dynamic one, or a normal one with an SA. */
export type ErouteView = {
  readonly kind: "dynamic" | "normal";
  /** `fleet/site-1` (R4). */
  readonly name: string;
  /** Of a dynamic eroute its base, of a normal one itself. */
  readonly baseEroute: string;
  readonly peerId: string;
  readonly remoteSubnets: readonly string[];
  readonly localSubnets: readonly string[];
  readonly peerAddress: string;
  readonly state: "negotiating" | "established" | "closing";
  readonly createdAt: Instant;
  readonly certificate: CertificateView | undefined;
  readonly ikeSas: readonly IkeSaView[];
  readonly childSas: readonly ChildSaView[];
};

/** What an eroute in use is searched and sorted by: made for all, where a view is made for few. */
export type ErouteBrief = Pick<
  ErouteView,
  "name" | "baseEroute" | "peerId" | "remoteSubnets" | "peerAddress" | "state" | "createdAt"
>;

/** Each call returns the next ones, at most so many, and none at the end. */
export type Walk<T> = (limit: number) => readonly T[];

/** A call of ours that is under way, or has to wait. */
export type CallView = {
  readonly stage: "look-up" | "resolve" | "calling" | "waiting";
  readonly why: CallReason;
  /** The address or name that is called. */
  readonly host: string | undefined;
  /** How long it is still left alone. */
  readonly waitMs: number;
  /** Failed calls in a row. */
  readonly failures: number;
};

/** A subnet that two sites have in common, for people. */
export type OverlapView = SharedSubnet & {
  /** The other site. */
  readonly peerId: string;
  readonly rule: OverlapRule;
  readonly isConnected: boolean;
};

/** Numbers now. */
export type Gauges = {
  readonly dynamicEroutes: number;
  readonly dynamicEroutesMax: number;
  readonly normalEroutesUp: number;
  readonly ikeSas: number;
  readonly halfOpenIkeSas: number;
  readonly halfOpenOctets: number;
  readonly halfOpenOctetsMax: number;
  readonly childSas: number;
  readonly lookupsWaiting: number;
  /** Waiting for their turn, or being worked on. */
  readonly keyExchangesWaiting: number;
  readonly signaturesWaiting: number;
  /** Traps, blocks and exceptions that stand in the kernel without an SA (R14). */
  readonly standingPolicies: number;
  /**
   * Inbound states of rekeyed Child SAs, kept a few seconds for packets that are still on their
   * way.
   */
  readonly drainingStates: number;
};

/** Such a state: the SPI of a Child SA that has been replaced. */
export type DrainingView = {
  readonly spi: number;
  readonly destination: string;
  readonly endsAt: Instant;
};

/** A count kept beside a table, and what counting the table gives: they never differ. */
export type KeptCount = { readonly kept: number; readonly counted: number };

/** Entries in each table of the engine: all of them go back to zero when the last site has gone. */
export type TableSizes = {
  readonly ikeSas: number;
  readonly halfOpen: KeptCount;
  readonly halfOpenOctets: KeptCount;
  readonly lingering: KeptCount;
  readonly dynamicEroutes: KeptCount;
  readonly eroutes: number;
  /** IKE SAs as the sites know them, and those of them whose peer has not authenticated. */
  readonly namedIkeSas: number;
  readonly initRequests: number;
  /** Whatever was asked of the shell and is not answered yet; some kinds follow by themselves. */
  readonly requests: number;
  readonly lookups: number;
  /** Rows that are being read again, and those that wait for it. */
  readonly rowChecks: number;
  readonly errands: number;
  readonly keyExchanges: number;
  readonly signatures: number;
  readonly kernelRequests: number;
  readonly childSas: number;
  readonly draining: number;
  readonly usageProbes: number;
  /**
   * Questions to the kernel about objects that may be gone, and Child SAs that have lost their
   * states.
   */
  readonly repairs: number;
  readonly calls: number;
  /** Calls whose IKE SA has gone without them: nothing would ever end these. */
  readonly callsAdrift: number;
  readonly halfOpenPrefixes: number;
  readonly policies: number;
  /** Remote subnets by which eroutes in use are found. */
  readonly reach: number;
  /** Texts that tables keep beside themselves, and that no entry points to: nothing frees them. */
  readonly textsAdrift: number;
  readonly reqids: number;
  readonly reqidsTaken: number;
  readonly deadlines: number;
  /** Sites that nothing happens to, and former configurations that they were written under. */
  readonly atRest: number;
  readonly formerLexicons: number;
};

/** Counts since start, by name in snake case; all names are there from the start, at 0. */
export type Counters = Readonly<Record<CounterName, number>>;

export const COUNTER_NAMES = [
  "datagrams_received",
  "datagrams_malformed",
  "datagrams_unknown_spi",
  "datagrams_bad_version",
  "datagrams_rate_limited",
  "datagrams_lost",
  "ikev1_calls",
  "ikev1_requests",
  "ikev1_calls_limited",
  "messages_bad_icv",
  "messages_too_long",
  "messages_repeated",
  "messages_out_of_window",
  "cookies_sent",
  "half_open_refused",
  "key_exchanges_refused",
  "signatures_refused",
  "ike_sa_init_requests",
  "ike_sas_established",
  "ike_sas_with_ppk",
  "ike_sas_with_downgrade_prevention",
  "ikev1_sas_established",
  "ikev1_sas_legacy",
  "ike_sas_rekeyed",
  "ike_sas_over_limit",
  "rekey_collisions",
  "fragments_received",
  "fragments_refused",
  "retransmissions",
  "calls_started",
  "calls_failed",
  "acquires",
  "acquires_ignored",
  "ike_sas_closed",
  "ike_sas_replaced",
  "child_sas_installed",
  "child_sas_rekeyed",
  "child_sas_over_limit",
  "child_sas_refused_full",
  "child_sas_closed",
  "child_sas_narrowed_by_limit",
  "negotiations_failed",
  "authentication_failures",
  "guesses_slowed",
  "authentications_unanswered",
  "lookups_started",
  "lookups_failed",
  "lookups_without_row",
  "late_answers",
  "lost_answers",
  "row_checks",
  "row_checks_failed",
  "row_changes",
  "dynamic_eroutes_created",
  "dynamic_eroutes_evicted",
  "dynamic_eroutes_refused_full",
  "overlaps_refused",
  "overlaps_replaced",
  "overlaps_allowed",
  "redirects_sent",
  "redirects_followed",
  "moves_delayed",
  "kernel_refusals",
  "spi_conflicts",
  "states_removed_by_others",
  "policies_removed_by_others",
  "routes_removed_by_others",
  "policies_taken_by_others",
  "internal_errors",
] as const;

export type CounterName = (typeof COUNTER_NAMES)[number];

/** Counted in short steps: between two of them, other work may be done. */
export type Steps<T> = Generator<undefined, T>;

export type Snapshot = {
  readonly gauges: Gauges;
  readonly counters: Counters;
  /** What IKE SAs and Child SAs have agreed on since the start. */
  readonly algorithms: readonly AlgorithmCount[];
  /** Eroutes in use, in order of creation, from `offset` on, at most `limit`; all kinds or one. */
  eroutes(offset: number, limit: number, kind?: ErouteView["kind"]): readonly ErouteView[];
  /** Walks over the same eroutes; those that come meanwhile are visited, too. */
  walk(): Walk<ErouteView>;
  briefs(kind: ErouteView["kind"] | undefined): Walk<ErouteBrief>;
  /** States that drain, the one that ends first at the head, at most `limit`. */
  drainingStates(limit: number): readonly DrainingView[];
  /** Those of one site, by its peer ID. */
  site(peerId: string): readonly ErouteView[];
  /** Whether it has a Child SA. */
  isConnected(peerId: string): boolean;
  /** Whether it has a dynamic eroute, with or without a Child SA. */
  hasDynamicEroute(peerId: string): boolean;
  /** Connected sites that have addresses of this one's, which need not be connected. */
  overlaps(peerId: string, claim: Claim): readonly OverlapView[];
  /** The owner of the IKE SA of a message, by its SPIs; undefined while unknown. */
  peerOf(message: Uint8Array): string | undefined;
  /** Our call to it, also one that waits for its next attempt. */
  call(peerId: string): CallView | undefined;
  /** Whether we are calling it just now. */
  isCalling(peerId: string): boolean;
  /** The gateway that all sites are sent to, and how many are still to be told; undefined: none. */
  readonly redirecting: { readonly to: string; readonly waiting: number } | undefined;
  /** Eroutes in use by the version of IKE that their sites use now. */
  versions(): Steps<Readonly<Record<IkeMajor, number>>>;
  /** IKE SAs whose site can be sent to another gateway, and others. */
  redirectable(): Steps<{ readonly can: number; readonly cannot: number }>;
  /** How many eroutes are in use. */
  readonly erouteCount: number;
};
