/** Eroutes in use: what they are called in the table, and what their IKE SAs go by. */

import { peerKey } from "../eroute/peer-id.ts";
import type { Terms } from "../ike/event.ts";
import { CHILD_SAS_MAX } from "../ike/limits.ts";
import type { ErouteInUse } from "./engine.ts";

/** Key under which an eroute in use is kept: one for each base eroute and peer ID. */
export function erouteKey(eroute: string, peerId: string): string {
  return `${eroute}\u0000${peerKey(peerId)}`;
}

/** What its IKE SAs go by from now on. */
export function termsOf(eroute: ErouteInUse): Terms {
  return {
    livenessMs: eroute.base.livenessMs,
    policy: {
      suites: eroute.base.esp,
      ikeSuites: eroute.base.ike,
      localSubnets: eroute.localSubnets,
      remoteSubnets: eroute.remoteSubnets,
      childSasMax: CHILD_SAS_MAX,
    },
  };
}
