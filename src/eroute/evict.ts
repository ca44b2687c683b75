/** Which dynamic eroutes have to be removed so that a new site always finds a place (R7). */

/**
 * How many must be removed until `belowFreePercent` % of `max` places are free: 0 if they are
 * already, never more than needed, never more than are `used`.
 */
export function evictionCount(max: number, used: number, belowFreePercent: number): number {
  const freeWanted = Math.ceil((max * belowFreePercent) / 100);
  const free = max - used;
  return Math.max(0, Math.min(used, freeWanted - free));
}

export type EvictionLimits = {
  readonly dynamicEroutesMax: number;
  readonly evictBelowFreePercent: number;
};

/**
 * Those of `entries` (all that are used, in order of creation) that have to be removed: the oldest.
 * Fewer than needed if `isSpared` keeps too many.
 */
export function chooseEvictions<T>(
  entries: Iterable<T>,
  limits: EvictionLimits,
  isSpared: (entry: T) => boolean = () => false,
): readonly T[] {
  const all = [...entries];
  const { dynamicEroutesMax, evictBelowFreePercent } = limits;
  const needed = evictionCount(dynamicEroutesMax, all.length, evictBelowFreePercent);
  const chosen: T[] = [];
  for (const entry of all) {
    if (chosen.length === needed) break;
    if (!isSpared(entry)) chosen.push(entry);
  }
  return chosen;
}
