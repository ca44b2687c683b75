/** The phases of an ISAKMP SA that we begin, until both ends are authenticated. */

import type { Path } from "../../inet/endpoint.ts";
import type { Instant } from "../../octets/instant.ts";
import type { IdPayload, Received, SaPayload } from "../../wire/v1/message.ts";
import type { Vendor } from "../../wire/v1/vendor-id.ts";
import type { Call } from "../event.ts";
import type { Nat } from "../nat.ts";
import type { Refusal } from "../refusal.ts";
import type { SaId } from "../sa-id.ts";
import type { Ticket } from "../ticket.ts";
import type { Reassembly } from "./fragments.ts";
import type { IsakmpKeys, Phase1Transcript } from "./keys.ts";
import type { ChosenIsakmp } from "./proposal.ts";
import type { Copies } from "./quick-mode-phase.ts";
import type { SignedContent } from "./signed-content.ts";

/** Our part of the key exchange. */
export type OwnExchange = {
  readonly Ni: Uint8Array;
  readonly group: number;
  /** Public value and shared secret are made from them. */
  readonly privateOctets: Uint8Array;
};

type Begun = {
  readonly version: 1;
  readonly id: SaId;
  readonly path: Path;
  readonly call: Call;
  /** A message of which some fragments have arrived. The next phase does not take it along. */
  readonly fragments?: Reassembly | undefined;
};

/** Our own work is under way. */
type Working = { readonly ticket: Ticket; readonly expireAt: Instant };

/** A message of ours is in flight. */
type InFlight = {
  readonly sent: Copies;
  /** What an unprotected answer says: it may be forged, but is shown if the call fails. */
  readonly hint: Refusal | undefined;
};

/** Aggressive Mode: our public value is being made. */
export type AggressiveOffering = Begun &
  Working & {
    readonly phase: "call-aggressive-offering";
    readonly own: OwnExchange;
    /** Groups that come next if the site does not accept this one. */
    readonly groups: readonly number[];
    readonly hint: Refusal | undefined;
  };

/** Aggressive Mode: the first message is in flight. */
export type AggressiveAsked = Begun &
  InFlight & {
    readonly phase: "call-aggressive-asked";
    readonly own: OwnExchange;
    readonly groups: readonly number[];
    readonly offer: SaPayload;
    /** The body of our KE payload. */
    readonly gxi: Uint8Array;
  };

/** The second message of Aggressive Mode. */
export type AggressiveSecond = {
  /** SHA-256 of the message: with the same one it is a repeat. */
  readonly digest: Uint8Array;
  readonly gxr: Uint8Array;
  readonly Nr: Uint8Array;
  readonly idR: Received<IdPayload>;
  readonly HASH_R: Uint8Array;
  readonly vendors: ReadonlySet<Vendor>;
  readonly nat: Nat;
};

/** Aggressive Mode: the second message is there, the shared secret is being computed. */
export type AggressiveDeriving = Begun &
  Working & {
    readonly phase: "call-aggressive-deriving";
    readonly chosen: ChosenIsakmp;
    readonly second: AggressiveSecond;
    /** To wait for another answer, if this one turns out to be wrong. */
    readonly asked: AggressiveAsked;
  };

/** Main Mode: the first message is in flight. */
export type MainAsked = Begun &
  InFlight & { readonly phase: "call-main-asked"; readonly offer: SaPayload };

/** What both ends know after the second message. */
type MainChosen = Begun & {
  readonly chosen: ChosenIsakmp;
  readonly SAi_b: Uint8Array;
  readonly vendors: ReadonlySet<Vendor>;
  readonly own: OwnExchange;
  /** SHA-256 of the site's last message: with the same one it is a repeat. */
  readonly digest: Uint8Array;
};

/** Main Mode: our public value is being made. */
export type MainOffering = MainChosen & Working & { readonly phase: "call-main-offering" };

/** Main Mode: the third message is in flight. */
export type MainSentKe = MainChosen &
  InFlight & { readonly phase: "call-main-sent-ke"; readonly gxi: Uint8Array };

/** Main Mode: the fourth message is there, the shared secret is being computed. */
export type MainDeriving = Begun &
  Working & {
    readonly phase: "call-main-deriving";
    readonly gxr: Uint8Array;
    readonly Nr: Uint8Array;
    readonly nat: Nat;
    readonly digest: Uint8Array;
    /** To wait for another answer, if this one turns out to be wrong. */
    readonly former: MainSentKe;
  };

/** What both ends know after the fourth message. */
export type MainKeyed = Pick<Begun, "id" | "path" | "call"> & {
  readonly chosen: ChosenIsakmp;
  readonly vendors: ReadonlySet<Vendor>;
  readonly keys: IsakmpKeys;
  readonly SKEYID: Uint8Array;
  readonly transcript: Phase1Transcript;
  /** The IV of the next message. */
  readonly iv: Uint8Array;
  readonly nat: Nat;
  /** SHA-256 of the site's last message: with the same one it is a repeat. */
  readonly digest: Uint8Array;
};

type Keyed = Begun & MainKeyed;

/** Main Mode: the fifth message is in flight, with our ID and HASH_I. */
export type MainProving = Keyed & InFlight & { readonly phase: "call-main-proving" };

/** Main Mode with certificates: our signature is being made. */
export type MainSigning = Keyed & Working & { readonly phase: "call-main-signing" };

/** The fifth message is in flight, with our ID, certificates and signature. */
export type MainSigned = Keyed & InFlight & { readonly phase: "call-main-signed" };

/** The sixth message is there: the site's signature and certificate are being verified. */
export type MainVerifying = Keyed &
  Working & { readonly phase: "call-main-verifying"; readonly content: SignedContent };

/** Every phase of an ISAKMP SA that we begin, until both ends are authenticated. */
export type InitiatorPhase =
  | (AggressiveOffering | AggressiveAsked | AggressiveDeriving)
  | (MainAsked | MainOffering | MainSentKe | MainDeriving | MainProving)
  | (MainSigning | MainSigned | MainVerifying);

/** Whether it is one of them. */
export function isCalling(sa: { readonly phase: string }): sa is InitiatorPhase {
  return sa.phase.startsWith("call-");
}

/** Whether both ends sign; else they have the same key (RFC 2409 §5.1, §5.4). */
export function hasCertificate({ credentials: { own } }: Call): boolean {
  return own.kind === "signature";
}

/** The exchange of Phase 1. */
export function modeOfCall({ phase }: InitiatorPhase): "Main Mode" | "Aggressive Mode" {
  return phase.startsWith("call-aggressive") ? "Aggressive Mode" : "Main Mode";
}
