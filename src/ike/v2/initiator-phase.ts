/** The phases of an IKE SA that we begin: each holds what is known in it, and nothing else. */

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
import type { ChosenIke } from "./proposal.ts";
import type { InFlight } from "./window.ts";

/** What we call a site with, whatever has been asked for so far. */
export type Calling = {
  readonly id: SaId;
  readonly path: Path;
  readonly call: Call;
  readonly Ni: Uint8Array;
  readonly method: number;
  /** Private octets of the key exchange: the same ones make the value and the secret. */
  readonly privateOctets: Uint8Array;
  readonly cookie: Uint8Array | undefined;
  /** How often IKE_SA_INIT was begun anew, as the peer asked for a cookie or another group. */
  readonly detours: number;
};

/** We call: our public value is being made. */
export type AwaitingPublicValue = {
  readonly phase: "awaiting-public-value";
  readonly id: SaId;
  readonly path: Path;
  readonly calling: Calling;
  readonly ticket: Ticket;
};

/** We call: IKE_SA_INIT is on its way. */
export type AwaitingInitResponse = {
  readonly phase: "awaiting-init-response";
  readonly id: SaId;
  readonly path: Path;
  readonly calling: Calling;
  readonly publicValue: Uint8Array;
  readonly request: Uint8Array;
  readonly inFlight: InFlight;
  /** What the peer said without protection: nothing to rely on, but worth telling (§2.21.1). */
  readonly hint: Refusal | undefined;
};

/** We call: the shared secret is being computed. */
export type AwaitingSharedSecret = {
  readonly phase: "awaiting-shared-secret";
  readonly id: SaId;
  readonly path: Path;
  readonly calling: Calling;
  readonly ticket: Ticket;
  readonly chosen: ChosenIke;
  readonly Nr: Uint8Array;
  /** What to go on with should the answer turn out to be no good. */
  readonly publicValue: Uint8Array;
  readonly inFlight: InFlight;
  readonly request: Uint8Array;
  readonly response: Uint8Array;
  readonly nat: Nat;
  readonly peerHashes: readonly number[] | undefined;
  /** Both ends say USE_PPK (RFC 8784). */
  readonly usePpk: boolean;
  readonly fragmentOctets: number | undefined;
};

/** We call: both IKE_SA_INIT messages are exchanged, and we go through the rounds that follow. */
export type Initiating = {
  readonly phase: "initiating";
  readonly path: Path;
  readonly half: HalfOpen;
  readonly call: Call;
  /** What is awaited in the first of the rounds; undefined: it is to begin. */
  readonly round: InitiatorRound | undefined;
};

/** What the first round is waiting for. */
export type InitiatorRound = AwaitingOurSignature | AwaitingResponse | AwaitingPeerVerification;

/** Our own signature is being made. */
export type AwaitingOurSignature = {
  readonly awaits: "signature";
  /** Which AUTH: the one without a PPK comes first, and is kept (RFC 8784 §3). */
  readonly signs: "no-ppk-auth" | "auth";
  readonly noPpkAuth: Uint8Array | undefined;
  readonly ticket: Ticket;
  readonly expireAt: Instant;
};

/** IKE_AUTH is on its way. */
export type AwaitingResponse = {
  readonly awaits: "response";
  /** Our SPI of the first Child SA. */
  readonly spiIn: EspSpi;
  readonly inFlight: InFlight;
};

/** The peer's signature and certificate are being verified. */
export type AwaitingPeerVerification = {
  readonly awaits: "verification";
  readonly spiIn: EspSpi;
  /** The IKE_AUTH response: copies of its own. */
  readonly response: AuthResponse;
  readonly ticket: Ticket;
  readonly expireAt: Instant;
};

/** What the IKE_AUTH response says beside the Child SA: kept until it is believed. */
export type AuthResponse = {
  readonly id: IdPayload;
  readonly auth: AuthPayload;
  readonly certificates: readonly Uint8Array[];
  /** All payloads: of views into a message that is nobody else's. */
  readonly payloads: readonly Payload[];
};

/** Every phase of an IKE SA that we begin, until both ends are authenticated. */
export type InitiatorPhase =
  | AwaitingPublicValue
  | AwaitingInitResponse
  | AwaitingSharedSecret
  | Initiating;
