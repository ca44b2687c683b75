/** How much memory an ISAKMP SA takes until its peer has authenticated. */

import { HALF_OPEN_OCTETS } from "../limits.ts";
import type { IkeSa } from "./every-phase.ts";
import { isCalling } from "./initiator-phase.ts";
import type { ResponderPhase } from "./responder-phase.ts";
import { signedOctets } from "./signed-phase.ts";

/** 0 once the peer is authenticated, and for those that we began. */
export function halfOpenOctets(sa: IkeSa): number {
  return sa.phase === "established" || isCalling(sa)
    ? 0
    : ofPhase(sa) + (sa.fragments?.octets ?? 0);
}

function ofPhase(sa: ResponderPhase): number {
  switch (sa.phase) {
    case "awaiting-credentials":
    case "awaiting-key-exchange":
      return HALF_OPEN_OCTETS + sa.first.octets;
    case "main-awaiting-credentials":
      return HALF_OPEN_OCTETS + sa.first.octets;
    case "proving-user":
      return HALF_OPEN_OCTETS;
    case "main-exchanging":
      return HALF_OPEN_OCTETS + sa.SAi_b.length + sa.gxi.length;
    case "awaiting-proof":
    case "main-awaiting-ke":
    case "main-awaiting-id":
      return HALF_OPEN_OCTETS + sa.last.octets.length;
    default:
      return HALF_OPEN_OCTETS + signedOctets(sa);
  }
}
