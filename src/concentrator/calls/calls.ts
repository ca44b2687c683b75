/** Sites that we are calling: what the tables keep of each call (R12). */

import type { Eroute } from "../../eroute/eroute.ts";
import type { Ppk } from "../../eroute/ppk.ts";
import type { Address } from "../../inet/address.ts";
import type { Instant } from "../../octets/instant.ts";
import type { Gateway } from "../../wire/gateway.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { DeadlineHeap } from "../deadline-heap.ts";
import type { LookupId, ResolveId } from "../event.ts";
import type { ErouteInUse } from "../sites/eroute-in-use.ts";

export type CallId = number & { readonly is: "call" };

/** Who is called: the eroute that it will have, its key, and where it can be reached. */
export type CallTarget = {
  readonly eroute: ErouteInUse;
  /** Undefined where both ends have certificates. */
  readonly psk: Uint8Array | undefined;
  readonly ppk: Ppk | undefined;
  /** `peerip`, then `bakpeerip`: an address or a host name each. */
  readonly hosts: readonly string[];
};

/** An address to call, and ours on the way there. */
export type CallEnds = { readonly local: Address; readonly remote: Address };

/** The version of IKE, and of IKEv1 the mode of Phase 1. */
export type CallManner =
  | { readonly major: 2 }
  | { readonly major: 1; readonly phase1: "main" | "aggressive" };

/** One address, called in one manner. */
export type CallAttempt = CallEnds & { readonly manner: CallManner };

export type CallStage =
  /** Its row is being read: by peer ID, or by the network that a packet wants to reach. */
  | { readonly kind: "look-up"; readonly lookup: LookupId; readonly until: Instant }
  | {
      readonly kind: "resolve";
      readonly resolve: ResolveId;
      readonly target: CallTarget;
      readonly host: number;
      readonly until: Instant;
    }
  | {
      readonly kind: "calling";
      readonly spi: IkeSpi;
      readonly target: CallTarget;
      readonly host: number;
      readonly attempt: CallAttempt;
      /** Other manners, and further addresses of the same host. */
      readonly left: readonly CallAttempt[];
    }
  /** The call failed; until then no further call is made. */
  | { readonly kind: "waiting"; readonly until: Instant };

export type CallUnderWay = {
  readonly id: CallId;
  /** Keys in {@link Calls.byKey}: the eroute's, and that of the network it was asked for by. */
  readonly keys: string[];
  /** Another one after a new configuration that lets the call go on. */
  base: Eroute;
  readonly why: CallReason;
  /** Undefined while only a packet's destination is known. */
  readonly peerId: string | undefined;
  /** Of the packet that wants to go there. */
  readonly destination: Address | undefined;
  /** Failed calls in a row, of an eroute with start = "always". */
  readonly failures: number;
  /** The site has sent us elsewhere (RFC 5685). */
  redirect: CallRedirect | undefined;
  stage: CallStage;
  /** A host of the site has refused it for a reason that does not pass by itself. */
  isRefused: boolean;
};

export type CallRedirect = {
  /** An address or a host name. */
  readonly to: string;
  /** The site that redirected us. */
  readonly from: Gateway;
  /** An IKE SA with the site that redirected us, which stays until the other one is up. */
  readonly leaves: IkeSpi | undefined;
};

export type CallReason =
  | ("traffic" | "always" | "by-hand" | "reauthentication" | "redirect")
  /** It refuses new keys in its IKE SA. */
  | "keys-refused";

export type Calls = {
  readonly byId: Map<CallId, CallUnderWay>;
  readonly byKey: Map<string, CallId>;
  /** By the IKE SA that is being made for it. */
  readonly byIkeSa: Map<IkeSpi, CallId>;
  readonly deadlines: DeadlineHeap;
  /** Keys of eroutes with start = "always" that an operator has disconnected: left alone. */
  readonly held: Set<string>;
  /** By key of its eroute: how often a site has sent us on, and since when. */
  readonly followed: Map<string, { readonly since: Instant; readonly times: number }>;
  /** By key of its eroute: how a site was here last. */
  readonly manners: Map<string, CallManner>;
  /** By key of its call: how often a site has refused lately; the latest last. */
  readonly refused: Map<string, { readonly times: number; readonly until: Instant }>;
};
