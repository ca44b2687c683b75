/** An IKE SA in the table, and what the concentrator knows of it beyond IKE. */

import type { PeerId } from "../../eroute/peer-id.ts";
import type { IkeEvent } from "../../ike/event.ts";
import type { IkeSa } from "../../ike/ike-sa.ts";
import type { Instant } from "../../octets/instant.ts";
import type { Gateway } from "../../wire/gateway.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { CallId } from "../calls/calls.ts";
import type { ErouteInUse } from "../sites/eroute-in-use.ts";

export type Entry = {
  sa: IkeSa;
  peerId: PeerId | undefined;
  /** The eroute that it will belong to, once it is authenticated. */
  candidate: ErouteInUse | undefined;
  eroute: ErouteInUse | undefined;
  /** Under which it is found while a repeat of IKE_SA_INIT can come. */
  initKey: string | undefined;
  /** IKE SAs of the same site that it takes over from, once it is up. */
  supersedes: readonly IkeSpi[];
  initialContact: boolean;
  /** The call that it came of, until it is authenticated. */
  call: CallId | undefined;
  /** Where its site is sent as soon as it has its answer to IKE_AUTH (RFC 5685). */
  redirect: Gateway | undefined;
  /** When its Child SAs have last followed it to another address. */
  movedAt: Instant | undefined;
  /** Key of the rate in which it counts as a failure until it has turned out to be none. */
  guess: string | undefined;
};

/** One event for one IKE SA, to be handled before anything else. */
export type Parcel = { readonly spi: IkeSpi; readonly event: IkeEvent };
