/** The phases of an IKE SA that the peer begins, until both ends are authenticated. */

import type { AcceptedMethod, CertificateHolder } from "../../crypto/signature.ts";
import type { Path } from "../../inet/endpoint.ts";
import type { Instant } from "../../octets/instant.ts";
import type { Identity } from "../../wire/identity.ts";
import type { AuthPayload, IdPayload, SaPayload, TsPayload } from "../../wire/v2/message.ts";
import type { PpkCredential } from "../credentials.ts";
import type { Credentials } from "../event.ts";
import type { Nat } from "../nat.ts";
import type { Refusal } from "../refusal.ts";
import type { SaId } from "../sa-id.ts";
import type { Ticket } from "../ticket.ts";
import type { ConfigurationRequest } from "./configuration.ts";
import type { HalfOpen } from "./half-open.ts";
import type { IkeKeys } from "./keys.ts";
import type { ProposedPpk } from "./ppk-intermediate.ts";
import type { PpkState, PpkWay } from "./ppk-keys.ts";
import type { ChosenIke } from "./proposal.ts";
import type { RedirectSupport } from "./redirect-support.ts";

/** IKE_SA_INIT has arrived, and our public value is being made. */
export type AwaitingKeyExchange = {
  readonly phase: "awaiting-key-exchange";
  readonly id: SaId;
  readonly path: Path;
  readonly ticket: Ticket;
  readonly request: Uint8Array;
  readonly Ni: Uint8Array;
  readonly nat: Nat;
  readonly chosen: ChosenIke;
  /** SIGNATURE_HASH_ALGORITHMS of the peer; undefined: it does not support RFC 7427. */
  readonly peerHashes: readonly number[] | undefined;
  /** Hashes of the authorities of all eroutes, for CERTREQ; undefined: no eroute has any. */
  readonly certReq: Uint8Array | undefined;
  /** Whether some eroute accepts pre-shared keys of its sites. */
  readonly acceptsPsk: boolean;
  readonly ppkWay: PpkWay;
  readonly fragmentOctets: number | undefined;
  /** Whether AUTH covers both IKE_SA_INIT messages: not here; we can; both ends can. */
  readonly fullTranscript: "off" | "supported" | "agreed";
  readonly redirect: RedirectSupport;
  readonly expireAt: Instant;
};

/** IKE_SA_INIT is done, and the rounds that follow are under way. */
export type Responding = {
  readonly phase: "responding";
  readonly path: Path;
  readonly half: HalfOpen;
  /** What the first round is waiting for. */
  readonly round: ResponderRound;
  /** The response to the previous request, for repeats of that. */
  readonly lastResponse: readonly Uint8Array[];
  /**
   * The keys of the previous exchange, which repeats of it still use; undefined: it was
   * IKE_SA_INIT, or the next request has come, so that no more repeats will.
   */
  readonly formerKeys: IkeKeys | undefined;
  /** Whether the peer can be redirected (RFC 5685). */
  readonly redirect: RedirectSupport;
  /** When the negotiation's time is over. */
  readonly expireAt: Instant;
};

/** What the first round is waiting for. */
export type ResponderRound =
  | { readonly awaits: "request" }
  | AwaitingPpks
  | AwaitingAdditional
  | AwaitingRepeat
  | AwaitingCredentials
  | AwaitingVerification
  | AwaitingSignature;

/** An IKE_INTERMEDIATE request. */
export type IntermediateAsked = {
  readonly messageId: number;
  /** What AUTH covers of the peer's messages, with this request. */
  readonly covered: Uint8Array;
  /** The public value of its key exchange; undefined: it has none. */
  readonly exchange: { readonly method: number; readonly peerPublic: Uint8Array } | undefined;
  /** PPKs that it proposes; undefined: they are no subject of this exchange. */
  readonly proposed: readonly ProposedPpk[] | undefined;
};

/** The PPKs that the peer proposes are being found. */
export type AwaitingPpks = {
  readonly awaits: "ppks";
  readonly ticket: Ticket;
  readonly asked: IntermediateAsked;
};

/** Our part of an additional key exchange is being made. */
export type AwaitingAdditional = {
  readonly awaits: "key-exchange";
  readonly ticket: Ticket;
  readonly asked: IntermediateAsked;
  readonly method: number;
  /** The proposed PPK that we know too. */
  readonly ppk: PpkCredential | undefined;
};

/**
 * The site's IKE_AUTH request got no answer, because of a fault of ours or `unknown_sites =
 * "silent"`. Each repeat is judged anew, until the negotiation's time is over (R6).
 */
export type AwaitingRepeat = { readonly awaits: "repeat"; readonly held: Held };

/** An IKE_AUTH request without an answer. */
export type Held = {
  /** See {@link AuthRequest.digest}. */
  readonly digest: Uint8Array;
  /** The last result, and how often it was judged. */
  readonly refusal: Refusal;
  readonly times: number;
  /** Repeats are ignored before this. */
  readonly againAt: Instant;
};

/** The IKE_AUTH request, stored until the site's key is known. */
export type AuthRequest = {
  /** SHA-256 of its payloads: only a request with the same digest is a repeat. */
  readonly digest: Uint8Array;
  /** The results of earlier attempts, if this is a repeat. */
  readonly held: Held | undefined;
  readonly arrivedAt: Instant;
  readonly messageId: number;
  readonly octets: number; // of all its payloads
  readonly idI: IdPayload;
  /** The ID that the site expects of us (IDr); undefined: it sent none. */
  readonly idR: Identity | undefined;
  readonly auth: AuthPayload;
  /** PPK_IDENTITY, and the AUTH of a site that can do without its PPK (RFC 8784 §3). */
  readonly ppk: {
    readonly identity: Uint8Array | undefined;
    readonly noPpkAuth: Uint8Array | undefined;
    /** The state of the IKE SA when the request arrived. */
    readonly before: PpkState;
  };
  /** What the site accepts of us (RFC 9593). */
  readonly methods: readonly AcceptedMethod[] | undefined;
  /** In DER, the site's own certificate first. */
  readonly certificates: readonly Uint8Array[];
  readonly sa: SaPayload | undefined;
  readonly tsI: TsPayload | undefined;
  readonly tsR: TsPayload | undefined;
  /** Why a part of its request for a Child SA cannot be read. */
  readonly childFault: Refusal | undefined;
  readonly initialContact: boolean;
  readonly configuration: ConfigurationRequest | undefined;
  readonly wantsTransport: boolean;
  /** MOBIKE_SUPPORTED (RFC 4555 §3.2). */
  readonly mobike: boolean;
};

/** The site's row is being looked up. */
export type AwaitingCredentials = {
  readonly awaits: "credentials";
  readonly request: AuthRequest;
  readonly ticket: Ticket;
};

/** The site's signature and certificate are being verified. */
export type AwaitingVerification = {
  readonly awaits: "verification";
  readonly request: AuthRequest;
  readonly credentials: Credentials;
  readonly ticket: Ticket;
};

/** The site has proved who it is; our own signature is being made. */
export type AwaitingSignature = {
  readonly awaits: "signature";
  readonly request: AuthRequest;
  readonly credentials: Credentials;
  readonly holder: CertificateHolder | undefined;
  readonly ticket: Ticket;
};

/** The negotiation has failed; the answer is sent later, so that all failures look alike. */
export type Refusing = {
  readonly phase: "refusing";
  readonly id: SaId;
  readonly path: Path;
  readonly messageId: number;
  readonly response: readonly Uint8Array[];
  readonly answerAt: Instant;
};

/** Every phase of an IKE SA that the peer begins, until both ends are authenticated. */
export type ResponderPhase = AwaitingKeyExchange | Responding | Refusing;
