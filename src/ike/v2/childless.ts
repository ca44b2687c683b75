/** IKE SAs without a Child SA (RFC 6023; RFC 7296 §1.2): how long they may stay so. */

import { type Instant, later } from "../../octets/instant.ts";
import { CHILDLESS_MS } from "../limits.ts";
import type { Established } from "./established-phase.ts";

/**
 * Starts a timer when there is no Child SA, and stops it when there is one: an IKE SA that carries
 * nothing still occupies an eroute (R5), and a place that other sites need (R7).
 */
export function watchChildless(sa: Established, now: Instant): Established {
  const { childlessAt } = sa.timers;
  const isChildless = sa.children.length === 0;
  if (isChildless === (childlessAt !== undefined)) return sa;
  const at = isChildless ? later(now, CHILDLESS_MS) : undefined;
  return { ...sa, timers: { ...sa.timers, childlessAt: at } };
}
