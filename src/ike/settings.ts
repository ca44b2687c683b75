/** Settings of one IKE SA, which come from the site's eroute. */

import type { Retransmission } from "../inet/retransmission.ts";

export type IkeSaSettings = {
  /** Silence after which a liveness check is sent (§2.4); undefined: never. */
  readonly livenessMs: number | undefined;
  /** The IKE SA is deleted if no Child SA carries a packet for this time; undefined: never. */
  readonly inactivityMs: number | undefined;
  /** Age at which the keys of the IKE SA are replaced (§2.8). */
  readonly lifetimeMs: number;
  /** Age at which the site must reauthenticate; undefined: never. */
  readonly reauthMs: number | undefined;
  /** Whether the site may change its address (RFC 4555). */
  readonly mobike: boolean;
  /** Whether messages may be sent in fragments (RFC 7383). */
  readonly fragmentation: boolean;
  /** The longest IP packet, headers included, in which a message is sent without fragments. */
  readonly fragmentSize: number;
  /** Whether we follow when a site that we called redirects us (RFC 5685). */
  readonly followRedirect: boolean;
  /** Our port for IKE and ESP in UDP from the moment a NAT is found (RFC 7296 §2.23). */
  readonly natPort: number;
  /** NAT keepalive interval (RFC 3948 §2.3). */
  readonly natKeepaliveMs: number;
  readonly retransmission: Retransmission;
};
