/** How one IKE SA is kept: what the site's eroute says of it. */

import type { Retransmission } from "../inet/retransmission.ts";

export type IkeSaSettings = {
  /** Silence after which the site is asked whether it is still there (§2.4); undefined: never. */
  readonly livenessMs: number | undefined;
  /** Without a packet on any Child SA for so long the IKE SA is deleted; undefined: never. */
  readonly inactivityMs: number | undefined;
  /** Age at which the keys of the IKE SA are replaced (§2.8). */
  readonly lifetimeMs: number;
  /** Age at which the site has to reauthenticate; undefined: never. */
  readonly reauthMs: number | undefined;
  /** Whether the site may go on from another address (RFC 4555). */
  readonly mobike: boolean;
  /** Whether messages may be sent in fragments (RFC 7383). */
  readonly fragmentation: boolean;
  /** The longest IP packet that an IKE message goes in whole, with its headers. */
  readonly fragmentSize: number;
  /** Whether we go to another gateway when a site that we have called says so (RFC 5685). */
  readonly followRedirect: boolean;
  /** Our port for IKE and ESP in UDP once there is a NAT (RFC 7296 §2.23). */
  readonly natPort: number;
  /** Idle time after which an end behind a NAT keeps its mapping alive (RFC 3948 §2.3). */
  readonly natKeepaliveMs: number;
  readonly retransmission: Retransmission;
};
