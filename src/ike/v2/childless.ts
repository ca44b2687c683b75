/** IKE SAs without a Child SA (RFC 6023; RFC 7296 §1.2): how long they may stay so. */

import { type Instant, later } from "../../octets/instant.ts";
import { CHILDLESS_MS } from "../limits.ts";
import type { Established } from "./established-phase.ts";

/**
 * Begins to count when there is no Child SA, and stops when there is one: an IKE SA that carries
 * nothing holds an eroute (R5), and room that other sites need (R7).
 */
export function watchChildless(sa: Established, now: Instant): Established {
  const { childlessAt } = sa.timers;
  const isChildless = sa.children.length === 0;
  if (isChildless === (childlessAt !== undefined)) return sa;
  const at = isChildless ? later(now, CHILDLESS_MS) : undefined;
  return { ...sa, timers: { ...sa.timers, childlessAt: at } };
}
