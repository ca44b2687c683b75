/** The phases of an IKE SA that both ends have authenticated, until it is forgotten. */

import type { Path } from "../../inet/endpoint.ts";
import type { Instant } from "../../octets/instant.ts";
import type { Gateway } from "../../wire/gateway.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { Identity } from "../../wire/identity.ts";
import type { CpPayload, Payload } from "../../wire/v2/message.ts";
import type { IkeAlgorithms } from "../algorithms.ts";
import type { ChildPolicy, ChildSa } from "../child-sa.ts";
import type { Method } from "../method.ts";
import type { Nat } from "../nat.ts";
import type { SaId } from "../sa-id.ts";
import type { IkeSaSettings } from "../settings.ts";
import type { Struggle } from "../struggle.ts";
import type { Ticket } from "../ticket.ts";
import type { Asking, Task } from "./asking.ts";
import type { Fragments } from "./fragments.ts";
import type { IkeKeys } from "./keys.ts";
import type { Narrowed } from "./narrow.ts";
import type { ChosenEsp, ChosenIke } from "./proposal.ts";
import type { RedirectSupport } from "./redirect-support.ts";
import type { Held } from "./responder-phase.ts";
import type { Timers } from "./timers.ts";
import type { Inbound, InFlight, Outbound } from "./window.ts";

/** A request of the peer that is being worked on: it waits for a key exchange or the kernel. */
export type Serving =
  | {
      readonly kind: "ike-auth";
      readonly messageId: number;
      readonly ticket: Ticket;
      readonly first: FirstChild;
      readonly child: ChildAnswer;
    }
  /** Our kernel refused the first Child SA: the next repeat of the request tries again (R6). */
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
      /** The lower of both nonces, in case our own rekey crosses the peer's (§2.8.1). */
      readonly nonce: Uint8Array;
      /** The exchange that is answered: CREATE_CHILD_SA or IKE_FOLLOWUP_KE. */
      readonly exchangeType: number;
    }
  /** An additional key exchange for {@link Established.unfinished}. */
  | {
      readonly kind: "followup-key-exchange";
      readonly messageId: number;
      readonly ticket: Ticket;
      readonly unfinished: Unfinished;
    }
  | {
      readonly kind: "ike-key-exchange";
      readonly messageId: number;
      readonly ticket: Ticket;
      readonly chosen: ChosenIke;
      readonly Ni: Uint8Array;
      readonly spiI: IkeSpi;
    };

/**
 * New keys that we have granted the peer, and that still need additional key exchanges: the SA does
 * not exist yet (RFC 9370 §2.2.4).
 */
export type Unfinished = {
  readonly grant: OurGrant;
  /** The methods that are left, the next one first. */
  readonly left: readonly number[];
  /** SK(0), SK(1), …: the shared secrets so far. */
  readonly secrets: readonly Uint8Array[];
  /** What the peer's next IKE_FOLLOWUP_KE has to quote. */
  readonly link: Uint8Array;
  /** When it is forgotten, if the peer does not go on. */
  readonly until: Instant;
};

/** What our answer to CREATE_CHILD_SA has granted. */
export type OurGrant =
  | {
      readonly of: "child";
      readonly plan: ChildPlan;
      readonly Nr: Uint8Array;
      readonly child: ChildSa;
    }
  | {
      readonly of: "ike";
      readonly chosen: ChosenIke;
      readonly id: SaId;
      readonly Ni: Uint8Array;
      readonly Nr: Uint8Array;
    };

/** What is needed to make the first Child SA, again if the kernel refuses it. */
export type FirstChild = {
  /** The payloads that the response begins with: IDr, AUTH and others. */
  readonly head: readonly Payload[];
  readonly plan: ChildPlan;
  readonly Nr: Uint8Array;
  /** See {@link AuthRequest.digest}. */
  readonly digest: Uint8Array;
  /** The results of earlier attempts. */
  readonly held: Held | undefined;
  /** When the negotiation's time is over. */
  readonly until: Instant;
};

/** A Child SA that the peer asks for, with what was chosen for it. */
export type ChildPlan = {
  readonly chosen: ChosenEsp;
  readonly narrowed: Narrowed;
  readonly mode: ChildSa["mode"];
  readonly replaces: ChildSa | undefined;
  readonly Ni: Uint8Array;
  readonly reply: CpPayload | undefined;
};

/** A Child SA that is being installed, and the payloads that tell the peer about it. */
export type ChildAnswer = {
  readonly sa: ChildSa;
  readonly payloads: readonly Payload[];
};

/** What the kernel last said about the traffic of the Child SAs. */
export type Usage = {
  /** When packets were last found to have been received or sent. */
  readonly movedAt: Instant;
  /** The question to the kernel that is under way. */
  readonly ticket: Ticket | undefined;
};

export type Established = {
  readonly phase: "established";
  readonly id: SaId;
  /**
   * Whether we were the initiator when both ends authenticated, whoever has rekeyed since: then we
   * are the one to reauthenticate (RFC 4478).
   */
  readonly isCaller: boolean;
  readonly path: Path;
  readonly nat: Nat;
  readonly algorithms: IkeAlgorithms;
  readonly keys: IkeKeys;
  /** A PPK is mixed into the keys, of this IKE SA or of one before it. */
  readonly usesPpk: boolean;
  /** The AUTH of each end covers both IKE_SA_INIT messages, of this IKE SA or of the first one. */
  readonly hasFullTranscript: boolean;
  readonly peer: Identity;
  /** The site expected another ID of us: its IDr and our ID; absent if it did not. */
  readonly otherId?: { readonly expected: string; readonly ours: string };
  readonly policy: ChildPolicy;
  readonly settings: IkeSaSettings;
  readonly children: readonly ChildSa[];
  /**
   * The key exchange (0: none) of the last Child SA that either end was granted by
   * CREATE_CHILD_SA: our next request tries it first.
   */
  readonly childMethod: Method | undefined;
  /** The peer refuses to rekey this IKE SA. */
  readonly struggle: Struggle | undefined;
  readonly inbound: Inbound;
  readonly outbound: Outbound;
  /** The request of the peer that is being worked on. */
  readonly serving: Serving | undefined;
  /** New keys for the peer, which need its next IKE_FOLLOWUP_KE. */
  readonly unfinished: Unfinished | undefined;
  /** Our own exchange under way: only one at a time. */
  readonly asking: Asking | undefined;
  /** Our requests that wait until the exchange under way is over, in this order. */
  readonly tasks: readonly Task[];
  readonly fragmentOctets: number | undefined;
  readonly fragments: Fragments;
  /** Both ends support MOBIKE (RFC 4555). */
  readonly mobike: boolean;
  /** Whether the site can be redirected, or may redirect us (RFC 5685). */
  readonly redirect: RedirectSupport | "followed";
  /** The site was redirected, and has until then to connect there. */
  readonly redirected: { readonly to: Gateway; readonly until: Instant } | undefined;
  readonly usage: Usage;
  readonly timers: Timers;
  readonly establishedAt: Instant;
  /** When the peer last showed that it is alive, by an authentic message or by its packets. */
  readonly heardAt: Instant;
  /**
   * The IKE SA that this one replaces, if we were rekeying that one as well. If the peer deletes
   * this one as redundant, the Child SAs go back there (§2.8.2).
   */
  readonly contested: IkeSpi | undefined;
  /**
   * Until then at most it is not known whether this one stays: what it would ask for now could go
   * with it.
   */
  readonly undecidedUntil: Instant | undefined;
};

/**
 * A rekey has replaced this IKE SA by another one (RFC 7296 §2.8): it still answers, and waits
 * until the peer deletes it.
 */
export type Replaced = {
  readonly phase: "replaced";
  /** As it was, without the Child SAs that it handed over. Our own rekey may still be under way. */
  readonly former: Established;
  /** When we delete it, if the peer has not done so. */
  readonly until: Instant;
};

/** We have sent a Delete and wait for its answer. */
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

/** It has ended, and stays for a while only to answer repeats of the last request. */
export type Ended = {
  readonly phase: "ended";
  readonly id: SaId;
  readonly path: Path;
  readonly messageId: number;
  readonly response: readonly Uint8Array[];
  readonly forgetAt: Instant;
};
