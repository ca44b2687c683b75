/** Eroutes as configured: normal ones, and base eroutes, which are linked to an egroup. */

import type { Suite } from "../crypto/suite.ts";
import type { Address } from "../inet/address.ts";
import type { Prefix } from "../inet/prefix.ts";
import type { Pattern } from "./pattern.ts";

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
};

/** How Child SAs of an eroute are set up in the kernel. */
export type ChildOptions = {
  readonly lifetimeSeconds: number;
  /** Octets and packets after which keys are replaced; undefined is without limit. */
  readonly lifetimeOctets: bigint | undefined;
  readonly replayWindow: number;
};

/** Linked to an egroup: sites come from its table; peer address and key are the row's (R9). */
export type BaseEroute = ErouteCommon & { readonly kind: "base"; readonly egroup: string };

/** Fully configured; its key is a local user's (R3). */
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
};

/** A local user: the name is the peer ID, the password the pre-shared key (R3). */
export type LocalUser = { readonly name: string; readonly psk: Uint8Array };

/** All that the engine needs to know of the configuration. */
export type EroutePlan = {
  readonly egroups: readonly Egroup[];
  readonly eroutes: readonly Eroute[];
  readonly users: readonly LocalUser[];
  readonly limits: EngineLimits;
};

export type EngineLimits = {
  /** R7. */
  readonly dynamicEroutesMax: number;
  readonly evictBelowFreePercent: number;
  readonly evictEveryMs: number;
  /** IKE SAs that have not authenticated yet, in all. */
  readonly halfOpenMax: number;
  /** Above so many half-open IKE SAs a COOKIE is asked for (RFC 7296 §2.6). */
  readonly cookieAbove: number;
  readonly halfOpenMs: number;
  /** How long a look-up may take before it counts as failed (R6). */
  readonly lookupMs: number;
  /** How long an ID without a row is remembered, so that it cannot hammer the database. */
  readonly unknownIdMs: number;
};

/** Addresses a row names for calling the site (R12): an address or a host name. */
export type CallAddress = { readonly host: string; readonly address: Address | undefined };
