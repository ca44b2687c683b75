/** Child SAs and policies as the tables keep them, once they are on their way to the kernel. */

import type { ChildSa } from "../../ike/child-sa.ts";
import type { Ticket } from "../../ike/ticket.ts";
import { equalAddress } from "../../inet/address.ts";
import type { EspSpi } from "../../inet/esp-spi.ts";
import type { Instant } from "../../octets/instant.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { XfrmPolicy } from "../../xfrm/policy.ts";
import type { XfrmRefusal } from "../../xfrm/request.ts";
import type { RemoteRoute } from "../../xfrm/route.ts";
import type { XfrmMark, XfrmState, XfrmStateId } from "../../xfrm/state.ts";
import type { ChildPlace } from "./xfrm-of-child.ts";

/** A Child SA with what it has in the kernel. */
export type Installed = {
  readonly child: ChildSa;
  ikeSpi: IkeSpi;
  /** Key of its eroute in use. */
  readonly erouteKey: string;
  /** Keys of other eroutes in use that have the same subnet: they are told once it is up. */
  takesFrom: readonly string[];
  /** What its states and policies are made of. */
  place: ChildPlace;
  encapsulated: boolean;
  inbound: XfrmStateId;
  outbound: XfrmStateId;
  /** Packets that each state had carried at the last query. */
  packetsIn: bigint;
  packetsOut: bigint;
  /** Of its states and policies. */
  readonly mark: XfrmMark | undefined;
  /**
   * Kept only where others are compared with them often, at sites that choose their subnets: they
   * follow from `place`, see `policiesOf`.
   */
  policies: readonly XfrmPolicy[] | undefined;
  routes: readonly RemoteRoute[];
  /** The outbound state of a rekeyed Child SA, until the old one is deleted (RFC 7296 §2.8). */
  outboundWaiting: XfrmState | undefined;
  /**
   * States whose keys are kept until the kernel has answered: after a crash in between, the next
   * process asks for them again. Those that waited, and those of exchanges that were ours.
   */
  asked: readonly XfrmState[];
  /** States on their way to other addresses, until the kernel has answered: for the same reason. */
  moving: readonly StateMove[];
  /** Whether it is kept, with its keys, before the kernel is asked for it. */
  readonly isKeptFirst: boolean;
  readonly ticket: Ticket;
  /** How many kernel requests of its installation have no answer yet. */
  pending: number;
  /**
   * States that the kernel accepted from us. We delete only these: two sites behind one NAT may
   * choose the same SPI, and then the state in the kernel belongs to the other one.
   */
  readonly ours: XfrmStateId[];
  refusal: XfrmRefusal | undefined;
  /** Another Child SA replaces it: packets on their way are still accepted for a while. */
  drains: boolean;
  /** `up`: the IKE SA has heard that it is there. */
  phase: "installing" | "up" | "removed";
};

/** Of most Child SAs. */
export const NONE: readonly never[] = [];

export type StateMove = { readonly from: XfrmStateId; readonly to: XfrmStateId };

/** Whether the kernel owes an answer without which the Child SA may have lost a state. */
export function isUnsure({ asked, moving, isKeptFirst, phase }: Installed): boolean {
  return asked.length > 0 || moving.length > 0 || (isKeptFirst && phase === "installing");
}

/** Whether two IDs name the same state, as the kernel compares them. */
export function isSameState(a: XfrmStateId, b: XfrmStateId): boolean {
  return a.spi === b.spi && equalAddress(a.dst, b.dst);
}

/** An inbound state that accepts packets sent before its Child SA was replaced. */
export type Draining = {
  readonly id: XfrmStateId;
  readonly mark: XfrmMark | undefined;
  readonly until: Instant;
};

export type DrainingStates = {
  /** The first ends first. */
  readonly queue: Draining[];
  /** Their SPIs, which no new Child SA may get. */
  readonly spis: Set<EspSpi>;
};

/** The question whether an IKE SA's Child SAs carry packets, as far as it is answered. */
export type UsageProbe = {
  readonly spi: IkeSpi;
  readonly ticket: Ticket;
  waiting: number;
  hasReceived: boolean;
  hasSent: boolean;
};

/** One state that was asked for. */
export type UsageQuery = {
  readonly kind: "usage";
  readonly probe: UsageProbe;
  readonly installed: Installed;
  readonly isInbound: boolean;
};

/** A kernel request that is waited for; `state` is what it makes, undefined for a policy. */
export type ChildRequest = {
  readonly kind: "child-sa";
  readonly installed: Installed;
  readonly state: XfrmStateId | undefined;
  /** The state that is there no longer once `state` is. */
  readonly moves: XfrmStateId | undefined;
  /** Another process may have asked the same before it ended: then it is done already. */
  readonly isAgain: boolean;
};
