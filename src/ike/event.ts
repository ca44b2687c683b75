/** What can happen to one IKE SA. */

import type { KeyExchangeResult } from "../crypto/key-exchange.ts";
import type { SignatureResult } from "../crypto/signature.ts";
import type { Endpoint, Path } from "../inet/endpoint.ts";
import type { Result } from "../octets/result.ts";
import type { Reason } from "../reason/reason.ts";
import type { Gateway } from "../wire/gateway.ts";
import type { IkeHeader, IkeSpi } from "../wire/header.ts";
import type { Identity } from "../wire/identity.ts";
import type { TrafficSelector } from "../wire/traffic-selector.ts";
import type { ChildPolicy, ChildSa } from "./child-sa.ts";
import type { AuthCredentials, PpkCredential } from "./credentials.ts";
import type { Refusal } from "./refusal.ts";
import type { IkeSaSettings } from "./settings.ts";
import type { Ticket } from "./ticket.ts";

/** What later exchanges of an IKE SA go by: a new configuration may change it. */
export type Terms = {
  readonly policy: ChildPolicy;
  readonly settings: IkeSaSettings;
};

/** What a site is called with. */
export type Call = {
  readonly path: Path;
  /** Both ends' ports once there is a NAT (RFC 7296 §2.23). */
  readonly natPorts: { readonly local: number; readonly remote: number };
  readonly credentials: Credentials;
  /** Who has to answer: sent as IDr, and what the answer's IDr is compared with. */
  readonly peer: Identity;
  /** Whether `identity` is the site that is called. */
  isPeer(identity: Identity): boolean;
  /** No other IKE SA with the site is known here (§2.4). */
  readonly initialContact: boolean;
  /** The gateway that has sent us here (RFC 5685 §3). */
  readonly redirectedFrom: Gateway | undefined;
};

/** What a site is authenticated with, and what it may have then. */
export type Credentials = Terms &
  AuthCredentials & {
    /** Undefined: the site has none, or is not to use it. */
    readonly ppk: PpkCredential | undefined;
    /** Why a site that proves who it is gets no answer for now; left out: it gets one. */
    readonly obstacle?: Refusal;
    /** A site that does not prove who it is gets no answer. */
    readonly isSilent: boolean;
  };

/** Why an IKE SA is not needed: both ends have called at once; the site has called again. */
export type Redundancy = "redundant" | "replaced-by-newer";

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
      readonly kind: "signature-answer";
      readonly ticket: Ticket;
      readonly result: SignatureResult;
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
  | { readonly kind: "close"; readonly why: Reason }
  /** Forget the IKE SA without a word: the peer has said that it knows nothing of it any more. */
  | { readonly kind: "drop"; readonly why: Reason }
  /** What holds from the next exchange on; what is up stays as it is. */
  | { readonly kind: "terms"; readonly terms: Terms }
  /** One Child SA is gone here (its lifetime is over): tell the peer. */
  | { readonly kind: "close-child"; readonly spiIn: number }
  /** The keys of a Child SA have served long enough (RFC 7296 §2.8). */
  | { readonly kind: "rekey-child"; readonly spiIn: number }
  | { readonly kind: "rekey-ike" }
  /** A packet wants to go where no Child SA leads. */
  | {
      readonly kind: "new-child";
      readonly local: readonly TrafficSelector[];
      readonly remote: readonly TrafficSelector[];
    }
  /** Send the site to another gateway, if it can be sent (RFC 5685 §5). */
  | { readonly kind: "redirect"; readonly to: Gateway }
  /** Ask the peer now whether it is still there, unless it has just been heard. */
  | { readonly kind: "check-liveness" }
  /** Answer to `probe-usage`: whether Child SAs have carried packets since the last time. */
  | {
      readonly kind: "usage";
      readonly ticket: Ticket;
      readonly hasReceived: boolean;
      readonly hasSent: boolean;
    }
  /** The kernel has seen authentic packets of the peer from elsewhere (XFRM_MSG_MAPPING). */
  | { readonly kind: "peer-moved"; readonly remote: Endpoint }
  /** Another IKE SA of the site has handed its Child SAs over: they are this one's now. */
  | { readonly kind: "adopt"; readonly children: readonly ChildSa[] }
  /**
   * Both ends rekeyed at the same time, and the IKE SA `to` counts: it gets the Child SAs of this
   * one, which the peer deletes, or we do after a while (§2.8.2).
   */
  | { readonly kind: "stand-down"; readonly to: IkeSpi }
  /** The other IKE SA of the site has gone: this one is needed again. */
  | { readonly kind: "needed" }
  /** There is another IKE SA: the peer deletes this one, or we do after a while, saying why. */
  | { readonly kind: "redundant"; readonly why: Redundancy }
  | { readonly kind: "deadline" };
