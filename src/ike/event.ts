/** What can happen to an IKE SA. */

import type { KeyExchangeResult } from "../crypto/key-exchange.ts";
import type { SignatureResult } from "../crypto/signature.ts";
import type { Endpoint, Path } from "../inet/endpoint.ts";
import type { EspSpi } from "../inet/esp-spi.ts";
import type { Result } from "../octets/result.ts";
import type { Reason } from "../reason/reason.ts";
import type { Gateway } from "../wire/gateway.ts";
import type { IkeHeader, IkeSpi } from "../wire/header.ts";
import type { Identity } from "../wire/identity.ts";
import type { TrafficSelector } from "../wire/traffic-selector.ts";
import type { ChildPolicy, ChildSa } from "./child-sa.ts";
import type { AuthCredentials, PpkCredential } from "./credentials.ts";
import type { Method } from "./method.ts";
import type { Refusal } from "./refusal.ts";
import type { IkeSaSettings } from "./settings.ts";
import type { Ticket } from "./ticket.ts";
import type { Task } from "./v2/asking.ts";

/** What applies to later exchanges of an IKE SA; a new configuration may change it. */
export type Terms = {
  readonly policy: ChildPolicy;
  readonly settings: IkeSaSettings;
};

/** Everything needed to call a site. */
export type Call = {
  readonly path: Path;
  /** The ports of both ends from the moment a NAT is found (RFC 7296 §2.23). */
  readonly natPorts: { readonly local: number; readonly remote: number };
  readonly credentials: Credentials;
  /** The ID of the site: sent as IDr, and shown when the answer's IDr differs. */
  readonly peer: Identity;
  /** Whether this ID is that of the site we call. */
  isPeer(identity: Identity): boolean;
  /** There is no other IKE SA with the site here (§2.4). */
  readonly initialContact: boolean;
  /** Whether AUTH covers both IKE_SA_INIT messages if the site supports that. */
  readonly withFullTranscript: boolean;
  /** Whether a PPK may be agreed on in IKE_INTERMEDIATE (RFC 9867). */
  readonly withIntermediatePpk: boolean;
  /** The gateway that redirected us to this site (RFC 5685 §3). */
  readonly redirectedFrom: Gateway | undefined;
  /** The site is called with IKEv1, in this mode of Phase 1; absent: with IKEv2. */
  readonly phase1?: "main" | "aggressive";
};

/** What authenticates a site, and what it may have once it is authenticated. */
export type Credentials = Terms &
  AuthCredentials & {
    /** Undefined: the site has none, or must not use it. */
    readonly ppk: PpkCredential | undefined;
    /** Why an authenticated site gets no answer yet; absent: it gets one. */
    readonly obstacle?: Refusal;
    /** The key exchange with which it got new keys in an earlier IKE SA; absent: not known. */
    readonly childMethod?: Method;
    /** A site that fails to authenticate gets no answer. */
    readonly isSilent: boolean;
    /** Absent: it uses IKEv2. */
    readonly ikev1?: Ikev1Terms;
  };

/** What applies to a site that uses IKEv1. */
export type Ikev1Terms = {
  /** The site has to authenticate with XAUTH as well. */
  readonly xauth: boolean;
  /** The site has an IKE SA at the same address and port whose user has authenticated. */
  readonly isUserKnown: boolean;
  /** HMAC-SHA2-256 of ESP has an ICV of 96 bits, as in old kernels, instead of 128. */
  readonly isSha256Short: boolean;
  /** Mode Config: a site that calls is told its address, instead of asking for it. */
  readonly pushesConfig: boolean;
  /**
   * Main Mode: the site at this address, and whether an ID is its own. The ID comes in the fifth
   * message, when the key has already been chosen.
   */
  readonly expected: { readonly peerId: string; isPeer(identity: Identity): boolean } | undefined;
};

/** Why an IKE SA is superfluous: both ends called at once, or the site has called again. */
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
  | { readonly kind: "password-answer"; readonly ticket: Ticket; readonly isRight: boolean }
  /** Answer to `find-ppks`: copies, which the IKE SA wipes; undefined: it is not known. */
  | {
      readonly kind: "ppks";
      readonly ticket: Ticket;
      readonly ppks: readonly PpkCredential[] | undefined;
    }
  | {
      readonly kind: "child-installed";
      readonly ticket: Ticket;
      readonly result: Result<undefined, Refusal>;
    }
  /** Tell the peer that the IKE SA is deleted. */
  | { readonly kind: "close"; readonly why: Reason }
  /** Forget the IKE SA without telling the peer, which has said that it no longer knows it. */
  | { readonly kind: "drop"; readonly why: Reason }
  /** New terms apply from the next exchange on; existing Child SAs stay as they are. */
  | { readonly kind: "terms"; readonly terms: Terms }
  /** The kernel removed a Child SA at the end of its lifetime: tell the peer. */
  | { readonly kind: "close-child"; readonly spiIn: number }
  /** Rekey a Child SA: its keys are old enough (RFC 7296 §2.8). */
  | { readonly kind: "rekey-child"; readonly spiIn: number }
  | { readonly kind: "rekey-ike" }
  /** A packet needs a Child SA that does not exist. */
  | {
      readonly kind: "new-child";
      readonly local: readonly TrafficSelector[];
      readonly remote: readonly TrafficSelector[];
    }
  /** Redirect the site to another gateway, if it supports that (RFC 5685 §5). */
  | { readonly kind: "redirect"; readonly to: Gateway }
  /** Check now whether the peer still answers, unless it was heard a moment ago. */
  | { readonly kind: "check-liveness" }
  /** Answer to `probe-usage`: whether Child SAs carried packets since the last question. */
  | {
      readonly kind: "usage";
      readonly ticket: Ticket;
      readonly hasReceived: boolean;
      readonly hasSent: boolean;
    }
  /** The peer's authentic packets come from another address or port (XFRM_MSG_MAPPING). */
  | { readonly kind: "peer-moved"; readonly remote: Endpoint }
  /** The peer has deleted a Child SA in the IKE SA that it belonged to before (IKEv1). */
  | { readonly kind: "child-deleted"; readonly spiIn: EspSpi }
  /** Child SAs with these inbound SPIs are gone: tell the peer (IKEv1). */
  | { readonly kind: "say-gone"; readonly spis: readonly EspSpi[] }
  /** The site has deleted it, and has said so in another IKE SA. */
  | { readonly kind: "peer-deleted" }
  /** Another IKE SA of the site has handed over these Child SAs, and what was to be done there. */
  | {
      readonly kind: "adopt";
      readonly children: readonly ChildSa[];
      readonly tasks?: readonly Task[];
    }
  /**
   * Both ends rekeyed at the same time, and the IKE SA `to` is the one that stays: it gets the
   * Child SAs of this one, which the peer deletes, or we do after a while (§2.8.2).
   */
  | { readonly kind: "stand-down"; readonly to: IkeSpi }
  /** Our own rekey, which crossed the one that made this IKE SA, is over: this one goes on. */
  | { readonly kind: "decided" }
  /** The other IKE SA of the site is gone: this one is needed again. */
  | { readonly kind: "needed" }
  /** Another IKE SA of the site exists: the peer deletes this one, or we do after a while. */
  | { readonly kind: "redundant"; readonly why: Redundancy }
  | { readonly kind: "deadline" };
