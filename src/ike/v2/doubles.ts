/** Child SAs of one IKE SA that carry the same traffic, as both ends may ask for at once. */

import { type Instant, later } from "../../octets/instant.ts";
import type { ChildSa } from "../child-sa.ts";
import { REPLACED_MS } from "../limits.ts";
import type { Established } from "../phase.ts";
import { selectorKeys } from "./tasks.ts";

/**
 * Of two that neither replaces, one is to go after a while: the same one at both ends, as both know
 * both SPIs.
 */
export function withoutDoubles(sa: Established, now: Instant): Established {
  const { children } = sa;
  if (children.length < 2) return sa;
  const condemned = new Set<ChildSa>();
  const seen = new Map<string, ChildSa>();
  for (const child of children) {
    if (child.redundantUntil !== undefined) continue;
    const key = String(selectorKeys(child));
    const other = seen.get(key);
    if (other === undefined || areRelated(child, other, children)) {
      seen.set(key, child);
      continue;
    }
    const goes = lowestSpi(other) < lowestSpi(child) ? other : child;
    condemned.add(goes);
    seen.set(key, goes === other ? child : other);
  }
  if (condemned.size === 0) return sa;
  const redundantUntil = later(now, REPLACED_MS);
  return {
    ...sa,
    children: children.map((child) =>
      condemned.has(child) ? { ...child, rekeyAt: undefined, redundantUntil } : child,
    ),
  };
}

/** One replaces the other; or both replace one that is still there: it is not decided yet. */
function areRelated(a: ChildSa, b: ChildSa, all: readonly ChildSa[]): boolean {
  if (a.replaces === b.spiIn || b.replaces === a.spiIn) return true;
  return a.replaces === b.replaces && all.some((child) => child.spiIn === a.replaces);
}

function lowestSpi({ spiIn, spiOut }: ChildSa): number {
  return Math.min(spiIn, spiOut);
}
