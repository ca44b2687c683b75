/** What can happen to one IKE SA. */

import type { KeyExchangeResult } from "../crypto/key-exchange.ts";
import type { Path } from "../inet/endpoint.ts";
import type { Result } from "../octets/result.ts";
import type { IkeHeader } from "../wire/header.ts";
import type { Identity } from "../wire/message.ts";
import type { ChildPolicy } from "./child-sa.ts";
import type { Ticket } from "./phase.ts";
import type { Refusal } from "./refusal.ts";

/** What later exchanges of an IKE SA go by: a new configuration may change it. */
export type Terms = {
  readonly policy: ChildPolicy;
  /** Silence after which the site is asked whether it is still there (§2.4); undefined: never. */
  readonly livenessMs: number | undefined;
};

/** What a site is authenticated with, and what it may have then. */
export type Credentials = Terms & {
  readonly psk: Uint8Array;
  readonly ourIdentity: Identity;
};

export type IkeEvent =
  | {
      readonly kind: "message";
      readonly header: IkeHeader;
      readonly octets: Uint8Array;
      readonly path: Path;
    }
  | {
      readonly kind: "key-exchange-answer";
      readonly ticket: Ticket;
      readonly result: KeyExchangeResult;
    }
  | {
      readonly kind: "credentials";
      readonly ticket: Ticket;
      readonly result: Result<Credentials, Refusal>;
    }
  | {
      readonly kind: "child-installed";
      readonly ticket: Ticket;
      readonly result: Result<undefined, Refusal>;
    }
  /** Tell the peer that the IKE SA is deleted. */
  | { readonly kind: "close"; readonly why: string }
  /** Forget the IKE SA without a word: the peer has said that it knows nothing of it any more. */
  | { readonly kind: "drop"; readonly why: string }
  /** What holds from the next exchange on; what is up stays as it is. */
  | { readonly kind: "terms"; readonly terms: Terms }
  /** One Child SA is gone here (its lifetime is over): tell the peer. */
  | { readonly kind: "close-child"; readonly spiIn: number }
  | { readonly kind: "deadline" };
