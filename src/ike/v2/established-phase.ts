/** The phases of an IKE SA that both ends have authenticated, until it is forgotten. */

import type { Path } from "../../inet/endpoint.ts";
import type { Instant } from "../../octets/instant.ts";
import type { Gateway } from "../../wire/gateway.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { Identity } from "../../wire/identity.ts";
import type { CpPayload, Payload } from "../../wire/v2/message.ts";
import type { IkeAlgorithms } from "../algorithms.ts";
import type { ChildPolicy, ChildSa } from "../child-sa.ts";
import type { Nat } from "../nat.ts";
import type { SaId } from "../sa-id.ts";
import type { IkeSaSettings } from "../settings.ts";
import type { Struggle } from "../struggle.ts";
import type { Ticket } from "../ticket.ts";
import type { Asking, Method, Task } from "./asking.ts";
import type { Fragments } from "./fragments.ts";
import type { IkeKeys } from "./keys.ts";
import type { Narrowed } from "./narrow.ts";
import type { ChosenEsp, ChosenIke } from "./proposal.ts";
import type { RedirectSupport } from "./redirect-support.ts";
import type { Held } from "./responder-phase.ts";
import type { Timers } from "./timers.ts";
import type { Inbound, InFlight, Outbound } from "./window.ts";

/** A request of the peer that waits for a key exchange or for the kernel. */
export type Serving =
  | {
      readonly kind: "ike-auth";
      readonly messageId: number;
      readonly ticket: Ticket;
      readonly first: FirstChild;
      readonly child: ChildAnswer;
    }
  /** Our kernel has refused the first Child SA: the next repeat of the request tries again (R6). */
  | {
      readonly kind: "ike-auth-held";
      readonly messageId: number;
      readonly first: FirstChild;
      readonly held: Held;
    }
  | {
      readonly kind: "child-key-exchange";
      readonly messageId: number;
      readonly ticket: Ticket;
      readonly plan: ChildPlan;
    }
  | {
      readonly kind: "child-install";
      readonly messageId: number;
      readonly ticket: Ticket;
      readonly child: ChildAnswer;
      /** The lower of both nonces: should our own rekey have crossed the peer's (§2.8.1). */
      readonly nonce: Uint8Array;
    }
  | {
      readonly kind: "ike-key-exchange";
      readonly messageId: number;
      readonly ticket: Ticket;
      readonly chosen: ChosenIke;
      readonly Ni: Uint8Array;
      readonly spiI: IkeSpi;
    };

/** What it takes to make the first Child SA, as often as the kernel refuses it. */
export type FirstChild = {
  /** IDr and AUTH: what the response begins with. */
  readonly head: readonly Payload[];
  readonly plan: ChildPlan;
  readonly Nr: Uint8Array;
  /** See {@link AuthRequest.digest}. */
  readonly digest: Uint8Array;
  /** What came of it before. */
  readonly held: Held | undefined;
  /** When the negotiation's time is over. */
  readonly until: Instant;
};

/** A Child SA that was asked for and is not refused so far. */
export type ChildPlan = {
  readonly chosen: ChosenEsp;
  readonly narrowed: Narrowed;
  readonly mode: ChildSa["mode"];
  readonly replaces: ChildSa | undefined;
  readonly Ni: Uint8Array;
  readonly reply: CpPayload | undefined;
};

/** A Child SA on its way into the kernel, and what the peer is told of it once it is there. */
export type ChildAnswer = {
  readonly sa: ChildSa;
  readonly payloads: readonly Payload[];
};

/** What the kernel carried for the IKE SA's Child SAs when it was last asked. */
export type Usage = {
  /** When packets were last seen to have come or gone. */
  readonly movedAt: Instant;
  /** The question that is under way. */
  readonly ticket: Ticket | undefined;
};

export type Established = {
  readonly phase: "established";
  readonly id: SaId;
  /**
   * Whether we called when both ends authenticated, whoever has rekeyed since: then it is ours to
   * authenticate anew (RFC 4478).
   */
  readonly isCaller: boolean;
  readonly path: Path;
  readonly nat: Nat;
  readonly algorithms: IkeAlgorithms;
  readonly keys: IkeKeys;
  /** A PPK was put into the keys, of this IKE SA or of the one whose keys it was made from. */
  readonly usesPpk: boolean;
  readonly peer: Identity;
  /** IDr of a site that called for somebody else than we are; left out where it did not. */
  readonly otherId?: { readonly expected: string; readonly ours: string };
  readonly policy: ChildPolicy;
  readonly settings: IkeSaSettings;
  readonly children: readonly ChildSa[];
  /**
   * The key exchange (0: none) of the last request of ours for a Child SA that the peer granted, or
   * of its own; the next one begins with it.
   */
  readonly childMethod: Method | undefined;
  /** The peer refuses to rekey this IKE SA. */
  readonly struggle: Struggle | undefined;
  readonly inbound: Inbound;
  readonly outbound: Outbound;
  /** The peer's request that is being worked on. */
  readonly serving: Serving | undefined;
  /** Our own exchange, from the first step to the last one: only one at a time. */
  readonly asking: Asking | undefined;
  /** What we have to ask for as soon as the exchange before is over, in this order. */
  readonly tasks: readonly Task[];
  readonly fragmentOctets: number | undefined;
  readonly fragments: Fragments;
  /** Both ends know RFC 4555. */
  readonly mobike: boolean;
  /** RFC 5685: the site can be sent to another gateway, or it may send us. */
  readonly redirect: RedirectSupport | "followed";
  /** It was told to go, and has until then. */
  readonly redirected: { readonly to: Gateway; readonly until: Instant } | undefined;
  readonly usage: Usage;
  readonly timers: Timers;
  readonly establishedAt: Instant;
  /** When the peer was last known to be there: by an authentic message, or by its packets. */
  readonly heardAt: Instant;
  /**
   * The IKE SA that this one replaces, if we were rekeying it as well: should the peer find that
   * this one is redundant, the Child SAs go back there (§2.8.2).
   */
  readonly contested: IkeSpi | undefined;
};

/**
 * Another IKE SA has taken its place in a rekey (RFC 7296 §2.8): this one answers, and waits until
 * the peer deletes it.
 */
export type Replaced = {
  readonly phase: "replaced";
  /** As it was, without the Child SAs that it handed over. Its own rekey may be under way still. */
  readonly former: Established;
  /** When we delete it, should the peer not do it. */
  readonly until: Instant;
};

/** We told the peer that the IKE SA is deleted, and wait for its answer. */
export type Closing = {
  readonly phase: "closing";
  readonly id: SaId;
  readonly path: Path;
  readonly algorithms: IkeAlgorithms;
  readonly keys: IkeKeys;
  readonly fragmentOctets: number | undefined;
  readonly retransmission: IkeSaSettings["retransmission"];
  readonly inFlight: InFlight;
};

/** Over. Lingers for a while, only to answer a repeat of the last request. */
export type Ended = {
  readonly phase: "ended";
  readonly id: SaId;
  readonly path: Path;
  readonly messageId: number;
  readonly response: readonly Uint8Array[];
  readonly forgetAt: Instant;
};
