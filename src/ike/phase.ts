/** The phases of an IKE SA: each holds what is known in it, and nothing else. */

import type { Path } from "../inet/endpoint.ts";
import type { Instant } from "../octets/instant.ts";
import type { IkeSpi } from "../wire/header.ts";
import type {
  AuthPayload,
  Identity,
  IdPayload,
  Payload,
  SaPayload,
  TsPayload,
} from "../wire/message.ts";
import type { IkeAlgorithms } from "./algorithms.ts";
import type { ChildPolicy, ChildSa } from "./child-sa.ts";
import type { IkeKeys } from "./keys.ts";
import type { Nat } from "./nat.ts";
import type { Refusal } from "./refusal.ts";
import type { Narrowed } from "./v2/narrow.ts";
import type { ChosenEsp, ChosenIke } from "./v2/proposal.ts";

/** Numbers a request to the concentrator: its answer quotes it. */
export type Ticket = number & { readonly is: "ticket" };

/** What names an IKE SA. `role`: whether we are its original initiator. */
export type SaId = {
  readonly spiI: IkeSpi;
  readonly spiR: IkeSpi;
  readonly role: "initiator" | "responder";
};

/** IKE_SA_INIT has come, our public value is being made. */
export type AwaitingKeyExchange = {
  readonly phase: "awaiting-key-exchange";
  readonly id: SaId;
  readonly path: Path;
  readonly ticket: Ticket;
  readonly request: Uint8Array;
  readonly Ni: Uint8Array;
  readonly nat: Nat;
  readonly chosen: ChosenIke;
  readonly expireAt: Instant;
};

/** Both IKE_SA_INIT messages are exchanged; AUTH will cover them. */
export type HalfOpen = {
  readonly id: SaId;
  readonly algorithms: IkeAlgorithms;
  readonly keys: IkeKeys;
  readonly Ni: Uint8Array;
  readonly Nr: Uint8Array;
  readonly request: Uint8Array;
  readonly response: Uint8Array;
  readonly nat: Nat;
  readonly expireAt: Instant;
};

export type AwaitingAuth = {
  readonly phase: "awaiting-auth";
  readonly path: Path;
  readonly half: HalfOpen;
};

/** The IKE_AUTH request, kept until the site's key is known. */
export type AuthRequest = {
  readonly arrivedAt: Instant;
  readonly messageId: number;
  readonly idI: IdPayload;
  readonly auth: AuthPayload;
  readonly sa: SaPayload | undefined;
  readonly tsI: TsPayload | undefined;
  readonly tsR: TsPayload | undefined;
  readonly initialContact: boolean;
  readonly wantsInternalAddress: boolean;
};

/** The site's row is being looked up. */
export type AwaitingCredentials = {
  readonly phase: "awaiting-credentials";
  readonly path: Path;
  readonly half: HalfOpen;
  readonly request: AuthRequest;
  readonly ticket: Ticket;
};

/** The negotiation has failed; the answer waits for its time, so that all failures look alike. */
export type Refusing = {
  readonly phase: "refusing";
  readonly id: SaId;
  readonly path: Path;
  readonly messageId: number;
  readonly response: Uint8Array;
  readonly answerAt: Instant;
};

/** A request of the peer that waits for a key exchange or for the kernel. */
export type Serving =
  | {
      readonly kind: "ike-auth";
      readonly messageId: number;
      readonly ticket: Ticket;
      /** IDr and AUTH: what the response begins with. */
      readonly head: readonly Payload[];
      readonly child: ChildAnswer;
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
    }
  | {
      readonly kind: "ike-key-exchange";
      readonly messageId: number;
      readonly ticket: Ticket;
      readonly chosen: ChosenIke;
      readonly Ni: Uint8Array;
      readonly spiI: IkeSpi;
    };

/** A Child SA that was asked for and is not refused so far. */
export type ChildPlan = {
  readonly chosen: ChosenEsp;
  readonly narrowed: Narrowed;
  readonly replaces: ChildSa | undefined;
  readonly Ni: Uint8Array;
};

/** A Child SA on its way into the kernel, and what the peer is told of it once it is there. */
export type ChildAnswer = {
  readonly sa: ChildSa;
  readonly payloads: readonly Payload[];
};

/** Our side's requests to the peer: one at a time (RFC 7296 §2.3). */
export type Outbound = {
  readonly nextId: number;
  readonly inFlight: InFlight | undefined;
};

export type InFlight = {
  readonly messageId: number;
  readonly octets: Uint8Array;
  readonly attempts: number;
  /** Copies in all, after which the peer counts as gone. */
  readonly attemptsMax: number;
  readonly retransmitAt: Instant;
};

/** The peer's requests: which ID comes next, and the last response, for repeats (§2.1). */
export type Inbound = {
  readonly nextId: number;
  readonly lastResponse: Uint8Array | undefined;
};

export type Established = {
  readonly phase: "established";
  readonly id: SaId;
  readonly path: Path;
  readonly nat: Nat;
  readonly algorithms: IkeAlgorithms;
  readonly keys: IkeKeys;
  readonly peer: Identity;
  readonly policy: ChildPolicy;
  readonly children: readonly ChildSa[];
  readonly inbound: Inbound;
  readonly outbound: Outbound;
  readonly serving: Serving | undefined;
  /** SPIs of Child SAs whose Delete waits until no request of ours is in flight. */
  readonly deletesWaiting: readonly number[];
  readonly establishedAt: Instant;
  /** When the last authentic message of the peer came. */
  readonly heardAt: Instant;
  /** Silence after which the peer is asked whether it is still there; undefined: never. */
  readonly livenessMs: number | undefined;
  /** After a rekey: when to delete this IKE SA ourselves, should the peer not do it. */
  readonly replacedUntil: Instant | undefined;
};

/** We told the peer that the IKE SA is deleted, and wait for its answer. */
export type Closing = {
  readonly phase: "closing";
  readonly id: SaId;
  readonly path: Path;
  readonly algorithms: IkeAlgorithms;
  readonly keys: IkeKeys;
  readonly inFlight: InFlight;
};

/** Over. Lingers for a while, only to answer a repeat of the last request. */
export type Ended = {
  readonly phase: "ended";
  readonly id: SaId;
  readonly path: Path;
  readonly messageId: number;
  readonly response: Uint8Array;
  readonly forgetAt: Instant;
};

export type IkeSa =
  | AwaitingKeyExchange
  | AwaitingAuth
  | AwaitingCredentials
  | Refusing
  | Established
  | Closing
  | Ended;

/** Why an IKE SA is over. */
export type EndReason =
  | { readonly kind: "refused"; readonly refusal: Refusal }
  | { readonly kind: "peer-deleted" }
  | { readonly kind: "we-deleted"; readonly why: string }
  | { readonly kind: "replaced-by-rekey" };

/** The names of an IKE SA, whatever its phase. */
export function saIdOf(sa: IkeSa): SaId {
  return "half" in sa ? sa.half.id : sa.id;
}

/** Our own SPI: under it the concentrator keeps the IKE SA. */
export function localSpi(id: SaId): IkeSpi {
  return id.role === "initiator" ? id.spiI : id.spiR;
}
