/** Eroutes as configured: normal ones, and base eroutes, which are linked to an egroup. */

import type { SigningKey, TrustAnchors } from "../crypto/signature.ts";
import type { Suite } from "../crypto/suite.ts";
import type { Address } from "../inet/address.ts";
import type { Prefix } from "../inet/prefix.ts";
import type { Retransmission } from "../inet/retransmission.ts";
import type { Pattern } from "./pattern.ts";
import type { Ppk, PpkRule } from "./ppk.ts";
import type { PasswordFormat } from "./psk.ts";

/** What both kinds of eroute have. */
export type ErouteCommon = {
  readonly name: string;
  /** Which remote IDs it matches (R1). */
  readonly peerid: Pattern;
  /** The ID that we present, as text; undefined: our own address. */
  readonly ourid: string | undefined;
  readonly localSubnets: readonly Prefix[];
  /** Of a base eroute: covers all sites (R10). Of a normal one: the site's. */
  readonly remoteSubnets: readonly Prefix[];
  readonly ike: readonly Suite[];
  readonly esp: readonly Suite[];
  readonly child: ChildOptions;
  /** Silence after which a liveness check is sent; undefined: never. */
  readonly livenessMs: number | undefined;
  readonly life: ErouteLife;
  readonly traffic: TrafficLimit;
  /** Where sites that call us are redirected (RFC 5685 §6); undefined: nowhere. */
  readonly redirect: CallAddress | undefined;
  /** Name servers for a site that asks for a configuration (RFC 7296 §2.19). */
  readonly dns: readonly Address[];
  readonly auth: ErouteAuth;
  readonly ppk: PpkRule;
  readonly versions: IkeVersions;
};

/** Which versions of IKE its sites may use. `v1` is undefined where IKEv1 is not allowed. */
export type IkeVersions = { readonly v2: boolean; readonly v1: Ikev1Rule | undefined };

/** What sites that use IKEv1 may do. */
export type Ikev1Rule = {
  /** The exchanges of Phase 1 that are allowed (RFC 2409 §5). */
  readonly mode: "main" | "aggressive" | "both";
  /** Whether 3DES, SHA-1, MD5 and the groups 2 and 5 are allowed. */
  readonly legacy: boolean;
  /** Whether the site has to authenticate with XAUTH as well. */
  readonly xauth: boolean;
  /** Mode Config: whether a site that calls is told its address, instead of asking for it. */
  readonly pushesConfig: boolean;
  /** Whether HMAC-SHA2-256 of ESP has an ICV of 96 bits, as in old kernels, instead of 128. */
  readonly sha256With96Bits: boolean;
  /** Algorithms of Phase 1, as far as IKEv1 can express them: a hash is both PRF and integrity. */
  readonly ike: readonly Suite[];
  /** Algorithms of Phase 2. */
  readonly esp: readonly Suite[];
};

/** The major version of IKE. */
export type IkeMajor = 1 | 2;

/** Whether its sites may use this version of IKE. */
export function allowsVersion(
  { versions }: Pick<ErouteCommon, "versions">,
  major: IkeMajor,
): boolean {
  return major === 1 ? versions.v1 !== undefined : versions.v2;
}

/** How the two ends authenticate: each in its own way (RFC 7296 §2.15). */
export type ErouteAuth = {
  readonly own: { readonly kind: "psk" } | { readonly kind: "signature"; readonly key: SigningKey };
  /** What sites may use; a certificate has to lead to one of the authorities. */
  readonly peer:
    | { readonly kind: "psk" }
    | { readonly kind: "certificate" | "either"; readonly anchors: TrustAnchors };
};

/** Whether a pre-shared key is required: in the row, or of the local user. */
export function needsPsk({ own, peer }: ErouteAuth): boolean {
  return own.kind === "psk" || peer.kind === "psk";
}

/** Whether a pre-shared key is used at all. */
export function usesPsk({ own, peer }: ErouteAuth): boolean {
  return own.kind === "psk" || peer.kind !== "certificate";
}

/** The answer to a site that cannot authenticate: AUTHENTICATION_FAILED, or nothing. */
export type UnknownSites = "refuse" | "silent";

/** When an eroute's SAs start, are replaced, and end. */
export type ErouteLife = {
  /** For the sites whose IDs it matches. */
  readonly unknownSites: UnknownSites;
  /** Whether we call the site: when a packet needs an SA, always, or never. */
  readonly start: "on-traffic" | "always" | "never";
  /** Outgoing packets without an SA (R14): call the site, drop them, or let them pass in clear. */
  readonly noSa: "initiate" | "drop" | "pass";
  /**
   * Time without packets in either direction after which the eroute's SAs are removed (R13);
   * undefined: never.
   */
  readonly inactivityMs: number | undefined;
  /**
   * What a second IKE SA of a connected site does: replaces the first, is refused, or both stay.
   */
  readonly uniqueness: "replace" | "keep" | "never";
  /** What happens to a site with the subnet of another connected site: see {@link OverlapRule}. */
  readonly overlap: OverlapRule;
  /** Age at which an IKE SA is rekeyed. */
  readonly ikeLifetimeMs: number;
  /** Age at which the site has to authenticate again; undefined: never. */
  readonly reauthMs: number | undefined;
  /** A site may move to another address (RFC 4555). */
  readonly mobike: boolean;
  /** IKE messages larger than the path may be sent in fragments (RFC 7383). */
  readonly fragmentation: boolean;
  /** The longest IP packet of an unfragmented IKE message, with its headers. */
  readonly fragmentSize: number;
  /** Child SAs that a site may have in one IKE SA, not counting those being replaced. */
  readonly childSasMax: number;
  /** Whether we follow when a site that we called redirects us (RFC 5685). */
  readonly followRedirect: boolean;
};

/** It is refused; or it replaces the other one; or both stay and the newer one gets the packets. */
export type OverlapRule = "refuse" | "replace" | "allow";

/** Which packets of its subnets an eroute carries: 0 and undefined mean all. */
export type TrafficLimit = {
  readonly protocol: number;
  readonly localPort: number | undefined;
  readonly remotePort: number | undefined;
};

/** How Child SAs of an eroute are set up in the kernel. */
export type ChildOptions = {
  readonly lifetimeSeconds: number;
  /** Octets and packets after which Child SAs are rekeyed; undefined: no limit. */
  readonly lifetimeOctets: bigint | undefined;
  readonly lifetimePackets: bigint | undefined;
  readonly replayWindow: number;
  /** Transport mode only if the site asks for it and it is allowed here (RFC 7296 §1.3.1). */
  readonly transport: boolean;
  /**
   * Inner DSCP is copied to the outer header; ECN is passed through; the outer DF is that of the
   * inner one.
   */
  readonly copyDscp: boolean;
  readonly ecn: boolean;
  readonly pathMtuDiscovery: boolean;
  /** For route-based set-ups: XFRM interface ID, and mark, of states and policies. */
  readonly ifId: number | undefined;
  readonly mark: { readonly value: number; readonly mask: number } | undefined;
  /** Whether routes to the remote subnets are installed while a Child SA is up. */
  readonly routes: boolean;
};

/** Linked to an egroup: its sites come from the table; peer address and key are in the row (R9). */
export type BaseEroute = ErouteCommon & { readonly kind: "base"; readonly egroup: string };

/** Fully configured; its key, if it has one, is a local user's (R3). */
export type NormalEroute = ErouteCommon & {
  readonly kind: "normal";
  readonly peerip: string | undefined;
  readonly bakpeerip: string | undefined;
};

export type Eroute = BaseEroute | NormalEroute;

/** A database table of sites, and what its eroutes have in common. Connection details: `peers`. */
export type Egroup = {
  readonly name: string;
  /** Prefix length of a site's subnet by family, if the row has none (R12). */
  readonly remoteMask: { readonly v4: number | undefined; readonly v6: number | undefined };
  /** How its rows write passwords; left out: `auto`. */
  readonly passwordFormat?: PasswordFormat;
};

/** A local user: the name is the peer ID, the password the pre-shared key (R3). */
export type LocalUser = {
  readonly name: string;
  readonly psk: Uint8Array;
  /** Left out: none. */
  readonly ppk?: Ppk | undefined;
};

/** Everything that the engine needs from the configuration. */
export type EroutePlan = {
  readonly egroups: readonly Egroup[];
  readonly eroutes: readonly Eroute[];
  readonly users: readonly LocalUser[];
  readonly limits: EngineLimits;
  /** UDP ports of IKE, ours and the sites'. */
  readonly ports: IkePorts;
  /** Traffic that no eroute matches (R14). */
  readonly defaultEroute: DefaultEroute;
  /** For IDs that no eroute matches. */
  readonly unknownSites: UnknownSites;
  /** Whether AUTH covers both IKE_SA_INIT messages, of sites that support it. */
  readonly fullTranscriptAuth: boolean;
  /** Whether PPKs are agreed on in IKE_INTERMEDIATE, with sites that support it (RFC 9867). */
  readonly intermediatePpk: boolean;
};

export type IkePorts = { readonly ike: number; readonly nat: number };

export type DefaultEroute = {
  readonly outbound: "pass" | "drop";
  readonly inbound: "pass" | "drop";
  /** Subnets whose packets always pass in clear: management, databases, name servers. */
  readonly except: readonly Prefix[];
};

export type EngineLimits = {
  /** R7. */
  readonly dynamicEroutesMax: number;
  readonly evictBelowFreePercent: number;
  readonly evictEveryMs: number;
  /**
   * Where new sites are redirected while too few places are free (RFC 5685); undefined: the oldest
   * is evicted.
   */
  readonly redirectTo: CallAddress | undefined;
  /** IKE SAs that are not authenticated yet, in all. */
  readonly halfOpenMax: number;
  /** Memory that they may take, in all, octets. */
  readonly halfOpenOctetsMax: number;
  /** Above this number of half-open IKE SAs, a COOKIE is required (RFC 7296 §2.6). */
  readonly cookieAbove: number;
  readonly halfOpenMs: number;
  /** How long a look-up may take before it counts as failed (R6). */
  readonly lookupMs: number;
  /** How long an ID without a row is remembered, so that it cannot hammer the database. */
  readonly unknownIdMs: number;
  /** Half-open IKE SAs of one address prefix (/32, /64) before it has to return cookies. */
  readonly halfOpenPerPrefixMax: number;
  /** IKE SAs and Child SAs of one site; beyond that the oldest is closed. */
  readonly ikeSasPerSiteMax: number;
  readonly childSasPerSiteMax: number;
  /** Sites that we call at the same time. */
  readonly callsMax: number;
  readonly retransmission: Retransmission;
  /** Idle time after which an end behind a NAT keeps its mapping alive (RFC 3948 §2.3). */
  readonly natKeepaliveMs: number;
};

/** Addresses in a row for calling the site (R12): an address or a host name. */
export type CallAddress = { readonly host: string; readonly address: Address | undefined };
