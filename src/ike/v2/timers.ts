/** The timers of an established IKE SA. */

import type { Instant } from "../../octets/instant.ts";
import type { Redundancy } from "../event.ts";

/** When an established IKE SA has something to do by itself; undefined: never. */
export type Timers = {
  /** Rekey it (§2.8). */
  readonly rekeyAt: Instant | undefined;
  /** Delete it, because no rekey succeeded. */
  readonly hardAt: Instant;
  /** Reauthenticate; if that is the peer's duty, delete the IKE SA. */
  readonly reauthAt: Instant | undefined;
  /** Poll the traffic of the Child SAs. */
  readonly inactivityAt: Instant | undefined;
  /** Send a NAT keepalive (RFC 3948). */
  readonly keepaliveAt: Instant | undefined;
  /** Delete it if it still has no Child SA; undefined while it has one. */
  readonly childlessAt: Instant | undefined;
  /** It is redundant: until when the peer may delete it, and why. */
  readonly redundant: { readonly at: Instant; readonly why: Redundancy } | undefined;
  /** The next unauthenticated hint or request outside the window is ignored before this. */
  readonly noticeAt: Instant;
};
