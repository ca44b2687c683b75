/** An ISAKMP SA that both ends have authenticated, until it is forgotten. */

import type { Path } from "../../inet/endpoint.ts";
import type { EspSpi } from "../../inet/esp-spi.ts";
import type { Instant } from "../../octets/instant.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { Identity } from "../../wire/identity.ts";
import type { ChildPolicy, ChildSa } from "../child-sa.ts";
import type { Redundancy } from "../event.ts";
import type { Nat } from "../nat.ts";
import type { SaId } from "../sa-id.ts";
import type { IkeSaSettings } from "../settings.ts";
import type { Ticket } from "../ticket.ts";
import type { Reassembly } from "./fragments.ts";
import type { IsakmpAlgorithms, IsakmpKeys } from "./keys.ts";
import type { NatT } from "./nat.ts";
import type { Copies, QuickMode } from "./quick-mode-phase.ts";

/** When an established ISAKMP SA has something to do by itself; undefined: never. */
export type Timers = {
  /** Phase 1 is begun anew; undefined: that is the site's part, which began this one. */
  readonly rekeyAt: Instant | undefined;
  /** Its lifetime is over: it is deleted, its Child SAs stay. */
  readonly hardAt: Instant;
  /** Poll the traffic of the Child SAs. */
  readonly inactivityAt: Instant | undefined;
  /** Send a NAT keepalive (RFC 3948). */
  readonly keepaliveAt: Instant | undefined;
  /** Delete it if it still has no Child SA; undefined while it has one. */
  readonly childlessAt: Instant | undefined;
  /** It is redundant: until when the peer may delete it, and why. */
  readonly redundant: { readonly at: Instant; readonly why: Redundancy } | undefined;
};

/** A newer ISAKMP SA of the site has taken the Child SAs over. */
export type Heir = {
  readonly spi: IkeSpi;
  /** Until when the peer may delete this one. */
  readonly until: Instant;
  /** What it has been given: the peer may still delete them here. */
  readonly given: readonly Pick<ChildSa, "spiIn" | "spiOut">[];
};

/** Child SAs that are gone here: the peer has been told so, and is told again. */
export type Farewell = {
  readonly spis: readonly EspSpi[];
  readonly attempts: number;
  readonly againAt: Instant;
};

/** What the kernel last said about the traffic of the Child SAs. */
export type Usage = {
  /** When packets were last found to have been received or sent. */
  readonly movedAt: Instant;
  /** The question to the kernel that is under way. */
  readonly ticket: Ticket | undefined;
};

/** Dead Peer Detection (RFC 3706): what we have asked and heard. */
export type Dpd = {
  /** The peer answers R-U-THERE. */
  readonly isSupported: boolean;
  /** The number of our last question. */
  readonly sequence: number;
  /** The question under way; undefined: none. */
  readonly asked: { readonly attempts: number; readonly againAt: Instant } | undefined;
  /** The number of the peer's last question; undefined: it has asked none. */
  readonly peerSequence: number | undefined;
};

/** Mode Config push is wanted; `isUnity`: the site understands Cisco's attributes. */
export type Pushes = { readonly isUnity: boolean };

/** Mode Config push: the Transaction in which the site is told its address. */
export type Push = {
  readonly messageId: number;
  /** The IV of the site's ACK. */
  readonly iv: Uint8Array;
  /** It is repeated until the ACK comes; undefined: it is over. */
  readonly sent: Copies | undefined;
};

export type Established = {
  readonly version: 1;
  readonly phase: "established";
  readonly id: SaId;
  readonly path: Path;
  readonly nat: Nat;
  /** Which text of NAT traversal both ends follow. */
  readonly natT: NatT;
  readonly algorithms: IsakmpAlgorithms;
  readonly keys: IsakmpKeys;
  /** The last block of Phase 1, from which the IV of each later exchange begins. */
  readonly lastBlock: Uint8Array;
  /** The answer to the peer's last message of Phase 1, for repeats; undefined: there is none. */
  readonly lastOfPhase1: { readonly digest: Uint8Array; readonly octets: Uint8Array } | undefined;
  readonly peer: Identity;
  readonly policy: ChildPolicy;
  readonly settings: IkeSaSettings;
  /** Both ends understand fragments. */
  readonly withFragments: boolean;
  /** A message of which some fragments have arrived. */
  readonly fragments: Reassembly | undefined;
  /** SHA2-256 of ESP has 96 bits, as in old kernels. */
  readonly isSha256Short: boolean;
  readonly children: readonly ChildSa[];
  readonly farewells: readonly Farewell[];
  /** Exchanges of Phase 2 under way, and those that are over but may be repeated. */
  readonly quickModes: readonly QuickMode[];
  /** The group of Quick Mode that the site took last, 0 for none; undefined: not known. */
  readonly takenGroup: number | undefined;
  /** Undefined: the site asks for its address, or has none. */
  readonly push: Push | undefined;
  /** Message IDs that the peer has used: none may come again with other content. */
  readonly usedIds: readonly number[];
  /** Undefined: it is the newest. */
  readonly heir: Heir | undefined;
  readonly dpd: Dpd;
  readonly usage: Usage;
  readonly establishedAt: Instant;
  /** When the peer was last heard. */
  readonly heardAt: Instant;
  readonly timers: Timers;
};
