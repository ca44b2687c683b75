/** How many dynamic eroutes have to go so that a new site always finds a place (R7). */

/**
 * How many must be removed until `belowFreePercent` % of `max` places are free: 0 if they are
 * already, never more than needed, never more than are `used`.
 */
export function evictionCount(max: number, used: number, belowFreePercent: number): number {
  const freeWanted = Math.ceil((max * belowFreePercent) / 100);
  const free = max - used;
  return Math.max(0, Math.min(used, freeWanted - free));
}
