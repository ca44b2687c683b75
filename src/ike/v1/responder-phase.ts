/** The phases of an ISAKMP SA that the peer begins, until both ends are authenticated. */

import type { Path } from "../../inet/endpoint.ts";
import type { Instant } from "../../octets/instant.ts";
import type { IdPayload, Received, SaPayload } from "../../wire/v1/message.ts";
import type { Vendor } from "../../wire/v1/vendor-id.ts";
import type { Credentials } from "../event.ts";
import type { SaId } from "../sa-id.ts";
import type { Ticket } from "../ticket.ts";
import type { IsakmpKeys } from "./keys.ts";
import type { ChosenIsakmp } from "./proposal.ts";

/** The first message of Aggressive Mode (RFC 2409 §5.4). */
export type FirstMessage = {
  readonly octets: number;
  readonly offer: Received<SaPayload>;
  /** The body of the KE payload: g^xi. */
  readonly gxi: Uint8Array;
  readonly Ni: Uint8Array;
  readonly idI: Received<IdPayload>;
  readonly vendors: ReadonlySet<Vendor>;
};

type Begun = {
  readonly version: 1;
  readonly id: SaId;
  /** The path of the first message. */
  readonly path: Path;
  /** When the negotiation's time is over. */
  readonly expireAt: Instant;
};

/** The site's row is being looked up: before that nothing is computed for it. */
export type AwaitingCredentials = Begun & {
  readonly phase: "awaiting-credentials";
  readonly ticket: Ticket;
  readonly first: FirstMessage;
};

/** Our public value and the shared secret are being made. */
export type AwaitingKeyExchange = Begun & {
  readonly phase: "awaiting-key-exchange";
  readonly ticket: Ticket;
  readonly first: FirstMessage;
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
  readonly response: Uint8Array;
  /** How many more repeats of the first message are answered, and from when on. */
  readonly repeats: { readonly left: number; readonly from: Instant };
};

/** What is left of the credentials once the keys are derived. */
export type AfterProof = Pick<Credentials, "policy" | "settings" | "obstacle" | "ikev1">;

/** Every phase of an ISAKMP SA that the peer begins, until both ends are authenticated. */
export type ResponderPhase = AwaitingCredentials | AwaitingKeyExchange | AwaitingProof;
