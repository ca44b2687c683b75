/** How much memory an IKE SA takes until its peer has authenticated. */

import { HALF_OPEN_OCTETS } from "../limits.ts";
import type { IkeSa } from "./every-phase.ts";
import { fragmentOctetsKept } from "./fragments.ts";
import type { HalfOpen } from "./half-open.ts";
import type { ResponderRound, Responding } from "./responder-phase.ts";
import { transcriptOctets } from "./transcript.ts";

/** 0 once the peer is authenticated, and for IKE SAs that we began. */
export function halfOpenOctets(sa: IkeSa): number {
  switch (sa.phase) {
    case "awaiting-key-exchange":
      return HALF_OPEN_OCTETS + sa.request.length;
    case "responding":
      return ofHalf(sa.half) + ofRound(sa.round) + ofLast(sa);
    case "refusing":
      return HALF_OPEN_OCTETS + sa.response.reduce((sum, { length }) => sum + length, 0);
    default:
      return 0;
  }
}

function ofHalf({ transcript, fragments, intermediatePpk }: HalfOpen): number {
  const named = intermediatePpk?.offered.reduce((sum, { length }) => sum + length, 0) ?? 0;
  return HALF_OPEN_OCTETS + transcriptOctets(transcript) + fragmentOctetsKept(fragments) + named;
}

/** The transcript has our response to IKE_SA_INIT already. */
function ofLast({ half, lastResponse, formerKeys }: Responding): number {
  if (half.transcript.intermediate === undefined) return 0;
  const octets = lastResponse.reduce((sum, { length }) => sum + length, 0);
  return octets + (formerKeys === undefined ? 0 : KEYS_OCTETS);
}

/** A set of keys, with the objects around them. */
const KEYS_OCTETS = 1_024;

/** The stored parts of a request are views, so the whole message stays in memory. */
function ofRound(round: ResponderRound): number {
  if ("request" in round) return round.request.octets;
  if (!("asked" in round)) return 0;
  const { proposed = [] } = round.asked;
  return proposed.reduce((sum, { identity }) => sum + identity.length, 0);
}
