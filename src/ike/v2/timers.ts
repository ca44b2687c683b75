/** When an established IKE SA has to do something by itself. */

import type { Instant } from "../../octets/instant.ts";
import type { Redundancy } from "../event.ts";

/** Instants at which an established IKE SA has to do something; undefined: never. */
export type Timers = {
  /** Replace its keys (§2.8). */
  readonly rekeyAt: Instant | undefined;
  /** Too old although we tried to replace it: it is deleted. */
  readonly hardAt: Instant;
  /** Authenticate anew, or, where that is the peer's to do, delete the IKE SA. */
  readonly reauthAt: Instant | undefined;
  /** Look whether packets have come and gone. */
  readonly inactivityAt: Instant | undefined;
  /** Keep the mapping of a NAT before us alive (RFC 3948). */
  readonly keepaliveAt: Instant | undefined;
  /** Without a Child SA until then it is deleted; undefined while it has one. */
  readonly childlessAt: Instant | undefined;
  /** One IKE SA too many: until when the peer may delete it, and why there is another. */
  readonly redundant: { readonly at: Instant; readonly why: Redundancy } | undefined;
  /** Hints of strangers and complaints of ours are heeded only so often. */
  readonly noticeAt: Instant;
};
