/** Liveness checks: an empty INFORMATIONAL to a site that has been silent (RFC 7296 §2.4). */

import { type Instant, later } from "../../octets/instant.ts";
import type { IkeContext, Step } from "../effect.ts";
import type { Established } from "../phase.ts";
import { informationalRequest } from "./request.ts";

/** When the site has to be asked; undefined while something else is in flight, or never. */
export function livenessAt(sa: Established): Instant | undefined {
  if (sa.livenessMs === undefined || sa.outbound.inFlight !== undefined) return undefined;
  // An IKE SA that has been rekeyed waits for its Delete only.
  return sa.replacedUntil === undefined ? later(sa.heardAt, sa.livenessMs) : undefined;
}

/** Asks. Any authentic answer will do; none after all copies means that the site is gone. */
export function checkLiveness(sa: Established, context: IkeContext): Step {
  const request = informationalRequest(sa, [], context);
  const outbound = { nextId: request.messageId + 1, inFlight: request };
  return {
    sa: { ...sa, outbound },
    effects: [{ kind: "send", octets: request.octets, path: sa.path }],
  };
}
