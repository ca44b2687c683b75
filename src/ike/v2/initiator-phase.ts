/** The phases of an IKE SA that we begin, until both ends are authenticated. */

import type { AcceptedMethod } from "../../crypto/signature.ts";
import type { Path } from "../../inet/endpoint.ts";
import type { EspSpi } from "../../inet/esp-spi.ts";
import type { Instant } from "../../octets/instant.ts";
import type { AuthPayload, IdPayload, Payload } from "../../wire/v2/message.ts";
import type { Call } from "../event.ts";
import type { Nat } from "../nat.ts";
import type { Refusal } from "../refusal.ts";
import type { SaId } from "../sa-id.ts";
import type { Ticket } from "../ticket.ts";
import type { HalfOpen } from "./half-open.ts";
import type { PpkWay } from "./ppk-keys.ts";
import type { ChosenIke } from "./proposal.ts";
import type { Transcript } from "./transcript.ts";
import type { InFlight } from "./window.ts";

/** The parameters of a call, the same for each copy of IKE_SA_INIT. */
export type Calling = {
  readonly id: SaId;
  readonly path: Path;
  readonly call: Call;
  readonly Ni: Uint8Array;
  readonly method: number;
  /** Private octets of the key exchange: public value and shared secret are made from them. */
  readonly privateOctets: Uint8Array;
  readonly cookie: Uint8Array | undefined;
  /** How often IKE_SA_INIT began anew because the peer asked for a cookie or another group. */
  readonly detours: number;
};

/** Our public value is being made. */
export type AwaitingPublicValue = {
  readonly phase: "awaiting-public-value";
  readonly id: SaId;
  readonly path: Path;
  readonly calling: Calling;
  readonly ticket: Ticket;
};

/** IKE_SA_INIT is in flight. */
export type AwaitingInitResponse = {
  readonly phase: "awaiting-init-response";
  readonly id: SaId;
  readonly path: Path;
  readonly calling: Calling;
  readonly publicValue: Uint8Array;
  readonly request: Uint8Array;
  readonly inFlight: InFlight;
  /** An unprotected error of the peer: not reliable, but shown if the call fails (§2.21.1). */
  readonly hint: Refusal | undefined;
};

/** The shared secret is being computed. */
export type AwaitingSharedSecret = {
  readonly phase: "awaiting-shared-secret";
  readonly id: SaId;
  readonly path: Path;
  readonly calling: Calling;
  readonly ticket: Ticket;
  readonly chosen: ChosenIke;
  readonly Nr: Uint8Array;
  /** What is needed to wait for another answer, if this one turns out to be wrong. */
  readonly publicValue: Uint8Array;
  readonly inFlight: InFlight;
  readonly request: Uint8Array;
  readonly response: Uint8Array;
  readonly nat: Nat;
  readonly peerHashes: readonly number[] | undefined;
  /** What the peer accepts (RFC 9593); undefined: it does not say. */
  readonly peerMethods: readonly AcceptedMethod[] | undefined;
  readonly ppkWay: PpkWay;
  /** Both ends can sign both IKE_SA_INIT messages. */
  readonly isFullTranscript: boolean;
  readonly fragmentOctets: number | undefined;
};

/** IKE_SA_INIT is done, and the rounds that follow are under way. */
export type Initiating = {
  readonly phase: "initiating";
  readonly path: Path;
  readonly half: HalfOpen;
  readonly call: Call;
  /** What the first round is waiting for; undefined: it has not begun. */
  readonly round: InitiatorRound | undefined;
};

/** What the first round is waiting for. */
export type InitiatorRound =
  | (AwaitingAdditionalPublic | AwaitingAdditionalSecret)
  | (AwaitingOurSignature | AwaitingResponse | AwaitingPeerVerification);

/** Our public value of an additional key exchange is being made. */
export type AwaitingAdditionalPublic = {
  readonly awaits: "public-value";
  readonly ticket: Ticket;
  readonly method: number;
  readonly withPpk: boolean;
  readonly privateOctets: Uint8Array;
  readonly expireAt: Instant;
};

/** The shared secret of an additional key exchange is being computed. */
export type AwaitingAdditionalSecret = {
  readonly awaits: "shared-secret";
  readonly ticket: Ticket;
  readonly privateOctets: Uint8Array;
  /** With both messages of the exchange. */
  readonly transcript: Transcript;
  /** Whether the responder uses our PPK; undefined: that was no subject. */
  readonly isPpkUsed: boolean | undefined;
  readonly expireAt: Instant;
};

/** Our own signature is being made. */
export type AwaitingOurSignature = {
  readonly awaits: "signature";
  /** Which AUTH: the one without a PPK comes first, and is kept (RFC 8784 §3). */
  readonly signs: "no-ppk-auth" | "auth";
  readonly noPpkAuth: Uint8Array | undefined;
  readonly ticket: Ticket;
  readonly expireAt: Instant;
};

/** The request of the round is in flight. */
export type AwaitingResponse = {
  readonly awaits: "response";
  readonly asked: AskedKeyExchange | AskedPpk | AskedAuth;
  readonly inFlight: InFlight;
};

export type AskedKeyExchange = {
  readonly kind: "key-exchange";
  readonly method: number;
  readonly withPpk: boolean;
  readonly privateOctets: Uint8Array;
  /** What AUTH covers of our messages, with this request. */
  readonly covered: Uint8Array;
};

/** Our PPK is proposed without a key exchange (RFC 9867 §3.1). */
export type AskedPpk = { readonly kind: "ppk"; readonly covered: Uint8Array };

export type AskedAuth = {
  readonly kind: "ike-auth";
  /** Our SPI of the first Child SA. */
  readonly spiIn: EspSpi;
};

/** The peer's signature and certificate are being verified. */
export type AwaitingPeerVerification = {
  readonly awaits: "verification";
  readonly spiIn: EspSpi;
  /** The IKE_AUTH response, copied. */
  readonly response: AuthResponse;
  readonly ticket: Ticket;
  readonly expireAt: Instant;
};

/** The IKE_AUTH response, stored until the peer's proof is verified. */
export type AuthResponse = {
  readonly id: IdPayload;
  readonly auth: AuthPayload;
  readonly certificates: readonly Uint8Array[];
  /** All payloads: views into a message that nobody else holds. */
  readonly payloads: readonly Payload[];
};

/** Every phase of an IKE SA that we begin, until both ends are authenticated. */
export type InitiatorPhase =
  | AwaitingPublicValue
  | AwaitingInitResponse
  | AwaitingSharedSecret
  | Initiating;
