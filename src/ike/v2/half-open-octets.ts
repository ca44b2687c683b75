/** How much memory an IKE SA takes until its peer has authenticated. */

import { HALF_OPEN_OCTETS } from "../limits.ts";
import type { IkeSa } from "./every-phase.ts";
import { fragmentOctetsKept } from "./fragments.ts";
import type { HalfOpen } from "./half-open.ts";
import type { ResponderRound } from "./responder-phase.ts";
import { transcriptOctets } from "./transcript.ts";

/** 0 once the peer is authenticated, and for IKE SAs that we began. */
export function halfOpenOctets(sa: IkeSa): number {
  switch (sa.phase) {
    case "awaiting-key-exchange":
      return HALF_OPEN_OCTETS + sa.request.length;
    case "responding":
      return ofHalf(sa.half) + ofRound(sa.round);
    case "refusing":
      return HALF_OPEN_OCTETS + sa.response.reduce((sum, { length }) => sum + length, 0);
    default:
      return 0;
  }
}

function ofHalf({ transcript, fragments }: HalfOpen): number {
  return HALF_OPEN_OCTETS + transcriptOctets(transcript) + fragmentOctetsKept(fragments);
}

/** The stored parts of a request are views, so the whole message stays in memory. */
function ofRound(round: ResponderRound): number {
  return "request" in round ? round.request.octets : 0;
}
