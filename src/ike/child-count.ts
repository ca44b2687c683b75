/** Which Child SAs count, and whether a site may have one more (RFC 7296 §1.3, §2.8). */

import type { EspSpi } from "../inet/esp-spi.ts";
import type { ChildPolicy, ChildSa } from "./child-sa.ts";

/**
 * Our SPIs of the Child SAs that have been replaced. They do not count: until the old one is
 * deleted, its replacement counts for both.
 */
export function replacedAmong(
  children: readonly Pick<ChildSa, "replaces">[],
): ReadonlySet<EspSpi | undefined> {
  return new Set(children.map(({ replaces }) => replaces));
}

/**
 * Whether there is room for the Child SA that the peer asks for. A replacement adds nothing, so a
 * site at its limit can rekey each of its Child SAs. A second replacement of the same Child SA does
 * count. A site that never deletes what it replaces reaches twice the limit at most.
 */
export function hasRoomFor(
  { children, policy }: { readonly children: readonly ChildSa[]; readonly policy: ChildPolicy },
  replaces: ChildSa | undefined,
): boolean {
  const max = policy.childSasMax;
  if (children.length >= max * REPLACED_FACTOR) return false;
  const replaced = replacedAmong(children);
  if (replaces !== undefined && !replaced.has(replaces.spiIn)) return true;
  return children.filter(({ spiIn }) => !replaced.has(spiIn)).length < max;
}

/** Each Child SA that counts may have a predecessor that is not deleted yet. */
const REPLACED_FACTOR = 2;
