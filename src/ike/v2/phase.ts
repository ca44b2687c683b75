/** The phases of an IKE SA: each holds what is known in it, and nothing else. */

import type { CertificateHolder } from "../../crypto/signature.ts";
import type { Path } from "../../inet/endpoint.ts";
import type { Instant } from "../../octets/instant.ts";
import type { Gateway } from "../../wire/gateway.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { Identity } from "../../wire/identity.ts";
import type {
  AuthPayload,
  CpPayload,
  IdPayload,
  Payload,
  SaPayload,
  TsPayload,
} from "../../wire/v2/message.ts";
import type { IkeAlgorithms } from "../algorithms.ts";
import type { ChildPolicy, ChildSa } from "../child-sa.ts";
import type { Credentials } from "../event.ts";
import type { Nat } from "../nat.ts";
import type { Refusal } from "../refusal.ts";
import type { SaId } from "../sa-id.ts";
import type { IkeSaSettings } from "../settings.ts";
import type { Struggle } from "../struggle.ts";
import type { Ticket } from "../ticket.ts";
import type { Asking, Method, Task } from "./asking.ts";
import type {
  AwaitingAuthResponse,
  AwaitingCallSignature,
  AwaitingCallVerification,
  AwaitingInitResponse,
  AwaitingPublicValue,
  AwaitingSharedSecret,
} from "./call-phase.ts";
import type { ConfigurationRequest } from "./configuration.ts";
import type { Fragments } from "./fragments.ts";
import type { HalfOpenKeys, IkeKeys } from "./keys.ts";
import type { Narrowed } from "./narrow.ts";
import type { PpkState } from "./ppk-keys.ts";
import type { ChosenEsp, ChosenIke } from "./proposal.ts";
import type { RedirectSupport } from "./redirect.ts";
import type { Timers } from "./timers.ts";
import type { Window } from "./window.ts";

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
  /** SIGNATURE_HASH_ALGORITHMS of the peer; undefined: it does not know RFC 7427. */
  readonly peerHashes: readonly number[] | undefined;
  /** What sites' certificates may lead up to, whoever this is; undefined: none is taken. */
  readonly certReq: Uint8Array | undefined;
  /** Both ends say USE_PPK (RFC 8784). */
  readonly usePpk: boolean;
  readonly fragmentOctets: number | undefined;
  readonly redirect: RedirectSupport;
  readonly expireAt: Instant;
};

/** Both IKE_SA_INIT messages are exchanged; AUTH will cover them. */
export type HalfOpen = {
  readonly id: SaId;
  readonly algorithms: IkeAlgorithms;
  readonly keys: HalfOpenKeys;
  readonly window: Window;
  readonly Ni: Uint8Array;
  readonly Nr: Uint8Array;
  readonly request: Uint8Array;
  readonly response: Uint8Array;
  readonly nat: Nat;
  readonly ppk: PpkState;
  /** SIGNATURE_HASH_ALGORITHMS of the peer; undefined: it does not know RFC 7427. */
  readonly peerHashes: readonly number[] | undefined;
  /** Both ends know RFC 7383: longer messages are sent in fragments. */
  readonly fragmentOctets: number | undefined;
  readonly fragments: Fragments;
  /** Of the initiator, whether it can be sent to another gateway (RFC 5685). */
  readonly redirect: RedirectSupport;
  readonly expireAt: Instant;
};

export type AwaitingAuth = {
  readonly phase: "awaiting-auth";
  readonly path: Path;
  readonly half: HalfOpen;
};

/**
 * The site's IKE_AUTH request is not answered: a fault of ours, or `unknown_sites = "silent"`. Each
 * repeat of it is judged anew, until the negotiation's time is over (R6).
 */
export type AwaitingRepeat = {
  readonly phase: "awaiting-repeat";
  readonly path: Path;
  readonly half: HalfOpen;
  readonly held: Held;
};

/** An IKE_AUTH request without an answer. */
export type Held = {
  /** See {@link AuthRequest.digest}. */
  readonly digest: Uint8Array;
  /** What came of it last, and how often it was judged. */
  readonly refusal: Refusal;
  readonly times: number;
  /** Repeats are heeded from then on. */
  readonly againAt: Instant;
};

/** The IKE_AUTH request, kept until the site's key is known. */
export type AuthRequest = {
  /** SHA-256 of its payloads: only the same request again is its repeat. */
  readonly digest: Uint8Array;
  /** What came of it before, if this is a repeat. */
  readonly held: Held | undefined;
  readonly arrivedAt: Instant;
  readonly messageId: number;
  readonly octets: number; // of all its payloads
  readonly idI: IdPayload;
  /** Whom the site wants to speak to; undefined: it does not say. */
  readonly idR: Identity | undefined;
  readonly auth: AuthPayload;
  /** PPK_IDENTITY, and the AUTH of a site that can do without its PPK (RFC 8784 §3). */
  readonly ppk: {
    readonly identity: Uint8Array | undefined;
    readonly noPpkAuth: Uint8Array | undefined;
    /** How far the IKE SA was when the request came. */
    readonly before: PpkState;
  };
  /** DER, the site's own first. */
  readonly certificates: readonly Uint8Array[];
  readonly sa: SaPayload | undefined;
  readonly tsI: TsPayload | undefined;
  readonly tsR: TsPayload | undefined;
  /** A part of what it asks for as its Child SA cannot be read. */
  readonly childFault: Refusal | undefined;
  readonly initialContact: boolean;
  readonly configuration: ConfigurationRequest | undefined;
  readonly wantsTransport: boolean;
  /** MOBIKE_SUPPORTED (RFC 4555 §3.2). */
  readonly mobike: boolean;
};

/** The site's row is being looked up. */
export type AwaitingCredentials = {
  readonly phase: "awaiting-credentials";
  readonly path: Path;
  readonly half: HalfOpen;
  readonly request: AuthRequest;
  readonly ticket: Ticket;
};

/** The site's signature and certificate are being judged. */
export type AwaitingVerification = {
  readonly phase: "awaiting-verification";
  readonly path: Path;
  readonly half: HalfOpen;
  readonly request: AuthRequest;
  readonly credentials: Credentials;
  readonly ticket: Ticket;
};

/** The site has proved who it is; our own signature is being made. */
export type AwaitingSignature = {
  readonly phase: "awaiting-signature";
  readonly path: Path;
  readonly half: HalfOpen;
  readonly request: AuthRequest;
  readonly credentials: Credentials;
  readonly holder: CertificateHolder | undefined;
  readonly ticket: Ticket;
};

/** The negotiation has failed; the answer waits for its time, so that all failures look alike. */
export type Refusing = {
  readonly phase: "refusing";
  readonly id: SaId;
  readonly path: Path;
  readonly messageId: number;
  readonly response: readonly Uint8Array[];
  readonly answerAt: Instant;
};

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

/** Our side's requests to the peer: one at a time (RFC 7296 §2.3). */
export type Outbound = {
  readonly nextId: number;
  readonly inFlight: InFlight | undefined;
};

/** A request of ours that is repeated until its answer comes (§2.1). */
export type InFlight = {
  readonly messageId: number;
  readonly datagrams: readonly Uint8Array[];
  readonly attempts: number;
  /** Copies in all, after which the peer counts as gone. */
  readonly attemptsMax: number;
  readonly retransmitAt: Instant;
};

/** The peer's requests: which ID comes next, and the last response, for repeats (§2.1). */
export type Inbound = {
  readonly nextId: number;
  readonly lastResponse: readonly Uint8Array[] | undefined;
  /** Where the last request came from: its answer goes there. */
  readonly path: Path;
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

export type IkeSa =
  | AwaitingKeyExchange
  | AwaitingAuth
  | AwaitingRepeat
  | AwaitingCredentials
  | AwaitingVerification
  | AwaitingSignature
  | Refusing
  | AwaitingPublicValue
  | AwaitingInitResponse
  | AwaitingSharedSecret
  | AwaitingCallSignature
  | AwaitingAuthResponse
  | AwaitingCallVerification
  | Established
  | Closing
  | Ended;

/** The names of an IKE SA, whatever its phase. */
export function saIdOf(sa: IkeSa): SaId {
  return "half" in sa ? sa.half.id : sa.id;
}
