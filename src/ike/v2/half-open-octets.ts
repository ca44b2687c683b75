/** How much memory an IKE SA takes whose peer has not authenticated yet. */

import { HALF_OPEN_OCTETS } from "../limits.ts";
import type { IkeSa } from "./every-phase.ts";
import { fragmentOctetsKept } from "./fragments.ts";
import type { HalfOpen } from "./half-open.ts";
import type { ResponderRound } from "./responder-phase.ts";
import { transcriptOctets } from "./transcript.ts";

/** 0 for one whose peer is known, or whom we have called. */
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

/** What is kept of a request are parts of the whole, which stays as long as they do. */
function ofRound(round: ResponderRound): number {
  return "request" in round ? round.request.octets : 0;
}
