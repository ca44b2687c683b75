/** Eroutes as configured: normal ones, and base eroutes, which are linked to an egroup. */

import type { SigningKey, TrustAnchors } from "../crypto/signature.ts";
import type { Suite } from "../crypto/suite.ts";
import type { Address } from "../inet/address.ts";
import type { Prefix } from "../inet/prefix.ts";
import type { Pattern } from "./pattern.ts";
import type { Ppk, PpkRule } from "./ppk.ts";
import type { PasswordFormat } from "./psk.ts";

/** What both kinds of eroute have. */
export type ErouteCommon = {
  readonly name: string;
  /** Which remote IDs it is for (R1). */
  readonly peerid: Pattern;
  /** What we call ourselves: the text of an ID; undefined is our own address. */
  readonly ourid: string | undefined;
  readonly localSubnets: readonly Prefix[];
  /** Of a base eroute: covers all sites (R10). Of a normal one: the site's. */
  readonly remoteSubnets: readonly Prefix[];
  readonly ike: readonly Suite[];
  readonly esp: readonly Suite[];
  readonly child: ChildOptions;
  /** Silence after which a site is asked whether it is still there; undefined: never. */
  readonly livenessMs: number | undefined;
  readonly life: ErouteLife;
  readonly traffic: TrafficLimit;
  /** Where sites that call us are sent (RFC 5685 §6); undefined: nowhere. */
  readonly redirect: CallAddress | undefined;
  /** Name servers, told to a site that asks for a configuration (RFC 7296 §2.19). */
  readonly dns: readonly Address[];
  readonly auth: ErouteAuth;
  readonly ppk: PpkRule;
};

/** How both ends prove who they are: each in its own way (RFC 7296 §2.15). */
export type ErouteAuth = {
  readonly own: { readonly kind: "psk" } | { readonly kind: "signature"; readonly key: SigningKey };
  /** What sites may use; a certificate has to lead up to one of the authorities. */
  readonly peer:
    | { readonly kind: "psk" }
    | { readonly kind: "certificate" | "either"; readonly anchors: TrustAnchors };
};

/** Whether nothing goes without a pre-shared key: the row has to have one, or the local user. */
export function needsPsk({ own, peer }: ErouteAuth): boolean {
  return own.kind === "psk" || peer.kind === "psk";
}

/** Whether a pre-shared key is of any use. */
export function usesPsk({ own, peer }: ErouteAuth): boolean {
  return own.kind === "psk" || peer.kind !== "certificate";
}

/** What a site hears that cannot prove who it is: AUTHENTICATION_FAILED, or nothing. */
export type UnknownSites = "refuse" | "silent";

/** When an eroute's SAs begin, are replaced, and end. */
export type ErouteLife = {
  /** Of the sites whose IDs it matches. */
  readonly unknownSites: UnknownSites;
  /** Whether we call the site: when a packet wants to go there, at once and for ever, or not. */
  readonly start: "on-traffic" | "always" | "never";
  /** Outgoing packets without an SA (R14): call the site, drop them, or let them pass in clear. */
  readonly noSa: "initiate" | "drop" | "pass";
  /** No packet in either direction for so long: the eroute's SAs go (R13); undefined: never. */
  readonly inactivityMs: number | undefined;
  /** A site that calls although it is connected: it replaces itself, is refused, or has both. */
  readonly uniqueness: "replace" | "keep" | "never";
  /** A site whose subnet another site has that is connected: see {@link OverlapRule}. */
  readonly overlap: OverlapRule;
  /** Age at which the keys of an IKE SA are replaced. */
  readonly ikeLifetimeMs: number;
  /** Age at which the site has to authenticate anew; undefined: never. */
  readonly reauthMs: number | undefined;
  /** A site may go on from another address (RFC 4555). */
  readonly mobike: boolean;
  /** IKE messages larger than the path may be sent in fragments (RFC 7383). */
  readonly fragmentation: boolean;
  /** The longest IP packet that an IKE message goes in whole, with its headers. */
  readonly fragmentSize: number;
  /** Child SAs that a site may have in one IKE SA; one that is being replaced does not count. */
  readonly childSasMax: number;
  /** Whether we go elsewhere when the site that we have called says so (RFC 5685). */
  readonly followRedirect: boolean;
};

/** It is refused; or it takes the place of the other one; or both stay and the newer one sends. */
export type OverlapRule = "refuse" | "replace" | "allow";

/** Which packets of its subnets an eroute carries: 0 and undefined are all. */
export type TrafficLimit = {
  readonly protocol: number;
  readonly localPort: number | undefined;
  readonly remotePort: number | undefined;
};

/** How Child SAs of an eroute are set up in the kernel. */
export type ChildOptions = {
  readonly lifetimeSeconds: number;
  /** Octets and packets after which keys are replaced; undefined is without limit. */
  readonly lifetimeOctets: bigint | undefined;
  readonly lifetimePackets: bigint | undefined;
  readonly replayWindow: number;
  /** Transport mode only where the site asks for it and it is allowed here (RFC 7296 §1.3.1). */
  readonly transport: boolean;
  /** Inner DSCP copied to the outer header; ECN passed through; outer DF as the inner one. */
  readonly copyDscp: boolean;
  readonly ecn: boolean;
  readonly pathMtuDiscovery: boolean;
  /** Route-based set-ups: XFRM interface ID, and mark, of states and policies. */
  readonly ifId: number | undefined;
  readonly mark: { readonly value: number; readonly mask: number } | undefined;
  /** Whether routes to the remote subnets are installed while a Child SA is up. */
  readonly routes: boolean;
};

/** Linked to an egroup: sites come from its table; peer address and key are the row's (R9). */
export type BaseEroute = ErouteCommon & { readonly kind: "base"; readonly egroup: string };

/** Fully configured; its key, if it has one, is a local user's (R3). */
export type NormalEroute = ErouteCommon & {
  readonly kind: "normal";
  readonly peerip: string | undefined;
  readonly bakpeerip: string | undefined;
};

export type Eroute = BaseEroute | NormalEroute;

/** A database table of sites and what its eroutes have in common. Connection details: `peers`. */
export type Egroup = {
  readonly name: string;
  /** Prefix length of a site's subnet by family, where the row names none (R12). */
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

/** All that the engine needs to know of the configuration. */
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
};

export type IkePorts = { readonly ike: number; readonly nat: number };

export type DefaultEroute = {
  readonly outbound: "pass" | "drop";
  readonly inbound: "pass" | "drop";
  /** Subnets whose packets always pass in clear: management, databases, name servers. */
  readonly except: readonly Prefix[];
};

/** Waits between the copies of a request, and how many there are (RFC 7296 §2.4). */
export type Retransmission = {
  readonly firstMs: number;
  readonly backoff: number;
  readonly attemptsMax: number;
};

export type EngineLimits = {
  /** R7. */
  readonly dynamicEroutesMax: number;
  readonly evictBelowFreePercent: number;
  readonly evictEveryMs: number;
  /** Where new sites are sent while too few are free (RFC 5685); undefined: the oldest goes. */
  readonly redirectTo: CallAddress | undefined;
  /** IKE SAs that have not authenticated yet, in all. */
  readonly halfOpenMax: number;
  /** Octets that they may take, in all. */
  readonly halfOpenOctetsMax: number;
  /** Above so many half-open IKE SAs a COOKIE is asked for (RFC 7296 §2.6). */
  readonly cookieAbove: number;
  readonly halfOpenMs: number;
  /** How long a look-up may take before it counts as failed (R6). */
  readonly lookupMs: number;
  /** How long an ID without a row is remembered, so that it cannot hammer the database. */
  readonly unknownIdMs: number;
  /** Half-open IKE SAs of one address prefix (/32, /64) before cookies are asked of it. */
  readonly halfOpenPerPrefixMax: number;
  /** IKE SAs and Child SAs of one site; the oldest goes. */
  readonly ikeSasPerSiteMax: number;
  readonly childSasPerSiteMax: number;
  /** Sites that we call at the same time. */
  readonly callsMax: number;
  readonly retransmission: Retransmission;
  /** Idle time after which an end behind a NAT keeps its mapping alive (RFC 3948 §2.3). */
  readonly natKeepaliveMs: number;
};

/** Addresses a row names for calling the site (R12): an address or a host name. */
export type CallAddress = { readonly host: string; readonly address: Address | undefined };
