/** The oldest dynamic eroutes are removed, in small portions, while too few are free (R7). */

import type { Instant } from "../../octets/instant.ts";
import { count, type Engine, inMs } from "../engine.ts";
import { journal } from "../journal/write.ts";
import { endEroute } from "./eroute-end.ts";
import { dynamicCount, erouteAt } from "./eroutes.ts";
import { excessOf } from "./redirect.ts";

/**
 * Sites that are notified at once; the others follow at the next deadline, so that nothing stalls.
 */
const PORTION = 32;
const NEXT_PORTION_MS = 1;

/** Removes the oldest dynamic eroutes while too few are free, with a Delete to their sites (R7). */
export function evict(engine: Engine): void {
  const { evictEveryMs } = engine.plan.limits;
  const excess = excessOf(engine);
  engine.sites.evictAt = inMs(engine, excess > PORTION ? NEXT_PORTION_MS : evictEveryMs);
  evictOldest(engine, Math.min(excess, PORTION));
}

/**
 * Several sites can be negotiating when one place is left. Each that authenticates after the place
 * is taken replaces the oldest.
 */
export function keepWithinMax(engine: Engine): void {
  const excess = dynamicCount(engine) - engine.plan.limits.dynamicEroutesMax;
  if (excess > 0) evictOldest(engine, 1);
}

/** When the number of free places is checked next. */
export function evictAt({ sites }: Engine): Instant {
  return sites.evictAt;
}

function evictOldest(engine: Engine, portion: number): void {
  const { dynamicEroutesMax: max, evictBelowFreePercent } = engine.plan.limits;
  let left = portion;
  for (const key of engine.sites.eroutes.keys()) {
    if (left === 0) return;
    const eroute = engine.sites.normal.has(key) ? undefined : erouteAt(engine, key);
    if (eroute === undefined) continue;
    left--;
    count(engine, "dynamic_eroutes_evicted");
    journal(engine, undefined, {
      level: "warning",
      step: "evict",
      outcome: "note",
      reason: "evicted",
      peerId: eroute.peerId,
      eroute: eroute.name,
      detail:
        `fewer than ${evictBelowFreePercent} % of ${max} dynamic eroutes were free, and this was ` +
        "the oldest: raise dynamic_eroutes.max if such sites come back soon",
    });
    endEroute(engine, eroute, "evicted");
  }
}
