/** The state of the sites: eroutes in use, how they are found, and what is to be done for them. */

import type { Eroute, IkeMajor } from "../../eroute/eroute.ts";
import type { Method } from "../../ike/method.ts";
import type { IkeSaSettings } from "../../ike/settings.ts";
import type { EspSpi } from "../../inet/esp-spi.ts";
import { createTextPrefixTable, type TextPrefixTable } from "../../inet/prefix-table.ts";
import type { Instant } from "../../octets/instant.ts";
import { bigintKeys, textKeys } from "../../octets/key-column.ts";
import { LongMap } from "../../octets/long-map.ts";
import type { Reason } from "../../reason/reason.ts";
import type { Gateway } from "../../wire/gateway.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { TrafficSelector } from "../../wire/traffic-selector.ts";
import { createRates, type RateLimit, type Rates } from "../rate.ts";
import { type Held, isAtRest } from "../resting.ts";
import type { ErouteInUse } from "./eroute-in-use.ts";
import { createRowChecks, type RowChecks } from "./row-checks.ts";
import type { SiteIkeSa } from "./site-ike-sa.ts";
import type { Comparison } from "./verdict.ts";

/** With which key exchange a site got new keys, in which version of IKE. */
export type Worked = {
  readonly method: Method;
  readonly major: IkeMajor;
  /** When it is found out anew. */
  readonly until: Instant;
};

export type Sites = {
  /** By their key, in order of creation: the oldest first (R7). */
  readonly eroutes: LongMap<string, Held<ErouteInUse>>;
  /** By their SPI: IKE SAs whose peer has said who it is, until the negotiation forgets them. */
  readonly ikeSas: LongMap<IkeSpi, Held<SiteIkeSa>>;
  /** Those whose peer has not proved it. */
  readonly unproven: LongMap<IkeSpi, true>;
  /** Keys of the normal ones: as many as the configuration has, at most. */
  readonly normal: Set<string>;
  /** Keys of eroutes in use by their remote subnets; nearly always one a subnet. */
  readonly reach: TextPrefixTable;
  /** By eroute as configured: what its sites have in common. */
  sharedTerms: WeakMap<Eroute, SharedTerms>;
  /** Peer IDs without a row, and until when they are not looked up again. */
  readonly unknownIds: Map<string, Instant>;
  /** By key of an eroute in use, with which key exchange its site got new keys; oldest first. */
  readonly worked: Map<string, Worked>;
  /** By key of an eroute in use: inbound SPIs of Child SAs that are gone, untold. */
  readonly untold: Map<string, readonly EspSpi[]>;
  /** Rows of connected sites, read again because they may have changed. */
  readonly rowChecks: RowChecks;
  /** Closing and telling many sites, in portions. */
  readonly errands: Errands;
  /** Undefined: every eroute in use has the configuration that is in force. */
  adjusting: Adjusting | undefined;
  evictAt: Instant;
  /** By eroute in use: how many Deletes for SAs above the limits may still be sent. */
  readonly deletes: Rates;
  /** Sites that are sent to another gateway. */
  readonly redirects: Redirects;
  /** Addresses of this host on which IKE is spoken; undefined until they are reported. */
  localAddresses: ReadonlySet<string> | undefined;
  /** Those that have gone, and until when they may come back. */
  readonly goneAddresses: Map<string, Instant>;
  /** Those that have gone for good, and the sites that are still to be looked at. */
  leaving: Leaving | undefined;
};

/** What all sites of an eroute have in common: one value for ten thousand of them. */
export type SharedTerms = {
  readonly settings: IkeSaSettings;
  readonly local: readonly TrafficSelector[];
};

/** Why eroutes in use are closed in portions. */
export const CLOSE_REASONS = [
  "reconfigured",
  "row-changed",
  "row-removed",
  "row-disabled",
  "subnet-taken-over",
  "address-gone",
  "shutdown",
] as const satisfies readonly Reason[];

export type CloseReason = (typeof CLOSE_REASONS)[number];

/** What is to be done for all IKE SAs that were made from one eroute in use. */
export type Errand =
  | { readonly kind: "close"; readonly why: CloseReason }
  /** Later exchanges use the eroute's new configuration. */
  | { readonly kind: "terms" };

export type Errands = {
  /** At most one for each eroute in use, in the order in which they came. */
  readonly waiting: Map<ErouteInUse, Errand>;
  /** At the shutdown: where Child SAs without an IKE SA are still to be looked for. */
  toLookAt: Generator<Held<ErouteInUse>, undefined> | undefined;
  /** When the next portion is due. */
  at: Instant | undefined;
};

/** How many stay, how many take new values later, and how many are closed, by reason. */
export type Tally = {
  kept: number;
  readonly later: Map<string, number>;
  readonly closed: Map<string, number>;
};

/** A walk over all eroutes in use under a new configuration, see `adjust.ts`. */
export type Adjusting = {
  readonly comparison: Comparison;
  /** What is still to be visited; what is added meanwhile is visited, too. */
  readonly eroutes: Generator<ErouteInUse, undefined>;
  readonly ikeSas: Generator<SiteIkeSa, undefined>;
  /** Visited eroutes that are no longer in the table. */
  readonly former: Set<ErouteInUse>;
  readonly tally: Tally;
  /** When the next portion is due. */
  at: Instant;
};

export type Leaving = {
  readonly gone: ReadonlySet<string>;
  readonly eroutes: Generator<ErouteInUse, undefined>;
  /** When the next portion is due. */
  at: Instant;
};

export type Redirects = {
  /** The gateway that all sites are sent to; undefined: none. */
  to: Gateway | undefined;
  /** Keys of the eroutes in use that are still to be looked at, and how many these are. */
  rest: Iterator<string, undefined> | undefined;
  left: number;
  /** When the next of them are notified. */
  at: Instant | undefined;
};

/** Deletes to one site for SAs above the limits: no site answers many of them. */
const DELETES: RateLimit = { perSecond: 1, burst: 16 };
const DELETES_SITES_MAX = 4_096;

/** No site has called, and none has been called. */
export function createSites(random: (octets: number) => Uint8Array, evictAt: Instant): Sites {
  return {
    eroutes: new LongMap(textKeys, (held) => isAtRest(held) || held.kind === "dynamic"),
    ikeSas: new LongMap(bigintKeys<IkeSpi>),
    unproven: new LongMap(bigintKeys<IkeSpi>),
    normal: new Set(),
    reach: createTextPrefixTable(),
    sharedTerms: new WeakMap(),
    unknownIds: new Map(),
    worked: new Map(),
    untold: new Map(),
    rowChecks: createRowChecks(random),
    errands: { waiting: new Map(), toLookAt: undefined, at: undefined },
    adjusting: undefined,
    evictAt,
    deletes: createRates(DELETES, DELETES_SITES_MAX),
    redirects: { to: undefined, rest: undefined, left: 0, at: undefined },
    localAddresses: undefined,
    goneAddresses: new Map(),
    leaving: undefined,
  };
}
