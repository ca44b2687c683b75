/** How much memory an IKE SA takes whose peer has not authenticated yet. */

import { HALF_OPEN_OCTETS } from "../limits.ts";
import type { IkeSa } from "./every-phase.ts";
import { fragmentOctetsKept } from "./fragments.ts";
import type { HalfOpen } from "./half-open.ts";
import type { AuthRequest } from "./responder-phase.ts";

/** 0 for one whose peer is known, or whom we have called. */
export function halfOpenOctets(sa: IkeSa): number {
  switch (sa.phase) {
    case "awaiting-key-exchange":
      return HALF_OPEN_OCTETS + sa.request.length;
    case "awaiting-auth":
    case "awaiting-repeat":
      return ofHalf(sa.half);
    case "awaiting-credentials":
    case "awaiting-verification":
    case "awaiting-signature":
      return ofHalf(sa.half) + ofRequest(sa.request);
    case "refusing":
      return HALF_OPEN_OCTETS + sa.response.reduce((sum, { length }) => sum + length, 0);
    default:
      return 0;
  }
}

function ofHalf({ request, response, fragments }: HalfOpen): number {
  return HALF_OPEN_OCTETS + request.length + response.length + fragmentOctetsKept(fragments);
}

/** What is kept of it are parts of the whole, which stays as long as they do. */
function ofRequest({ octets }: AuthRequest): number {
  return octets;
}
