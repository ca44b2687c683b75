/** The phases of an ISAKMP SA that the peer begins, until both ends are authenticated. */

import type { Path } from "../../inet/endpoint.ts";
import type { Instant } from "../../octets/instant.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { Identity } from "../../wire/identity.ts";
import type { IdPayload, Received, SaPayload } from "../../wire/v1/message.ts";
import type { Vendor } from "../../wire/v1/vendor-id.ts";
import type { IkeNote } from "../effect.ts";
import type { Credentials } from "../event.ts";
import type { Nat } from "../nat.ts";
import type { SaId } from "../sa-id.ts";
import type { Ticket } from "../ticket.ts";
import type { Established, Pushes } from "./established-phase.ts";
import type { Reassembly } from "./fragments.ts";
import type { IsakmpKeys, Phase1Transcript } from "./keys.ts";
import type { ChosenIsakmp } from "./proposal.ts";
import type { Copies } from "./quick-mode-phase.ts";
import type { Sent } from "./sent.ts";
import type { SignedPhase } from "./signed-phase.ts";

/** The first message of Aggressive Mode (RFC 2409 §5.4). */
export type AggressiveFirst = {
  readonly mode: "Aggressive Mode";
  readonly octets: number;
  /** SHA-256 of the message: with the same one it is a repeat. */
  readonly digest: Uint8Array;
  readonly offer: Received<SaPayload>;
  /** The body of the KE payload: g^xi. */
  readonly gxi: Uint8Array;
  readonly Ni: Uint8Array;
  readonly idI: Received<IdPayload>;
  readonly vendors: ReadonlySet<Vendor>;
};

/** The first message of Main Mode. */
export type MainFirst = Pick<AggressiveFirst, "octets" | "digest" | "offer" | "vendors"> & {
  readonly mode: "Main Mode";
};

/** Where a first message has come from. */
export type Begin = { readonly spiI: IkeSpi; readonly path: Path; readonly until: Instant };

type Begun = {
  readonly version: 1;
  readonly id: SaId;
  /** The path of the first message. */
  readonly path: Path;
  /** When the negotiation's time is over. */
  readonly expireAt: Instant;
  /** A message of which some fragments have arrived. The next phase does not take it along. */
  readonly fragments?: Reassembly | undefined;
};

/** The site's row is being looked up: before that nothing is computed for it. */
export type AwaitingCredentials = Begun & {
  readonly phase: "awaiting-credentials";
  readonly ticket: Ticket;
  readonly first: AggressiveFirst;
};

/** Our public value and the shared secret are being made. */
export type AwaitingKeyExchange = Begun & {
  readonly phase: "awaiting-key-exchange";
  readonly ticket: Ticket;
  readonly first: AggressiveFirst;
  readonly credentials: Credentials;
  readonly chosen: ChosenIsakmp;
};

/** The second message has gone out: the third one proves who the peer is. */
export type AwaitingProof = Begun & {
  readonly phase: "awaiting-proof";
  readonly idI: IdPayload;
  readonly vendors: ReadonlySet<Vendor>;
  readonly terms: AfterProof;
  readonly chosen: ChosenIsakmp;
  readonly keys: IsakmpKeys;
  /** The IV of the third message. */
  readonly iv: Uint8Array;
  /** What the third message has to hold. */
  readonly HASH_I: Uint8Array;
  readonly last: Sent;
};

/** Main Mode: the site at the sender's address is being looked up. */
export type MainAwaitingCredentials = Begun & {
  readonly phase: "main-awaiting-credentials";
  readonly ticket: Ticket;
  readonly first: MainFirst;
};

type MainChosen = Begun & {
  readonly credentials: Credentials;
  readonly chosen: ChosenIsakmp;
  readonly SAi_b: Uint8Array;
  readonly vendors: ReadonlySet<Vendor>;
};

/** The second message has gone out: the third one brings the peer's public value. */
export type MainAwaitingKe = MainChosen & {
  readonly phase: "main-awaiting-ke";
  readonly last: Sent;
};

/** Our public value and the shared secret are being made. */
export type MainExchanging = MainChosen & {
  readonly phase: "main-exchanging";
  readonly ticket: Ticket;
  readonly digest: Uint8Array;
  readonly gxi: Uint8Array;
  readonly Ni: Uint8Array;
  readonly nat: Nat;
};

/** The fourth message has gone out: the fifth one says and proves who the peer is. */
export type MainAwaitingId = Begun & {
  readonly phase: "main-awaiting-id";
  readonly vendors: ReadonlySet<Vendor>;
  readonly terms: AfterProof;
  readonly ourIdentity: Identity;
  readonly chosen: ChosenIsakmp;
  readonly keys: IsakmpKeys;
  readonly SKEYID: Uint8Array;
  readonly transcript: Phase1Transcript;
  readonly iv: Uint8Array;
  readonly nat: Nat;
  readonly last: Sent;
};

/** What is left of the credentials once the keys are derived. */
export type AfterProof = Pick<
  Credentials,
  "policy" | "settings" | "obstacle" | "childMethod" | "ikev1"
>;

/** What of XAUTH is under way. */
export type UserProof =
  | {
      readonly awaits: "reply" | "ack";
      readonly messageId: number;
      /** The IV of the answer. */
      readonly iv: Uint8Array;
      readonly sent: Copies;
    }
  | { readonly awaits: "check"; readonly ticket: Ticket; readonly user: string };

/** What is told once the user is known. */
export type WhenUp = {
  readonly initialContact: boolean;
  /** The user has authenticated before, so the site may go on without. */
  readonly isUserKnown: boolean;
  /** The site is told its address; undefined: it asks for it. */
  readonly pushes: Pushes | undefined;
  readonly note: IkeNote;
};

/** Phase 1 is over: the site has to prove who its user is (XAUTH). */
export type ProvingUser = Begun & {
  readonly phase: "proving-user";
  /** The ISAKMP SA and what follows, once the user is known. */
  readonly up: Established;
  readonly whenUp: WhenUp;
  readonly proof: UserProof;
};

/** Every phase of an ISAKMP SA that the peer begins, until both ends are authenticated. */
export type ResponderPhase =
  | (AwaitingCredentials | AwaitingKeyExchange | AwaitingProof)
  | (MainAwaitingCredentials | MainAwaitingKe | MainExchanging | MainAwaitingId)
  | SignedPhase
  | ProvingUser;

type Mode = "Main Mode" | "Aggressive Mode" | "Transaction";

/** The exchange of Phase 1, or the one after it. */
export function modeOf({ phase }: ResponderPhase): Mode {
  if (phase === "proving-user") return "Transaction";
  return phase.startsWith("main-") || phase.startsWith("signed-") ? "Main Mode" : "Aggressive Mode";
}
