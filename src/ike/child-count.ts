/** Which Child SAs count, and whether a site may have one more (RFC 7296 §1.3, §2.8). */

import type { EspSpi } from "../inet/esp-spi.ts";
import type { ChildPolicy, ChildSa } from "./child-sa.ts";

/**
 * Our SPIs of the Child SAs that others replace. Such a one does not count: its heir stands for
 * both until it is deleted.
 */
export function replacedAmong(
  children: readonly Pick<ChildSa, "replaces">[],
): ReadonlySet<EspSpi | undefined> {
  return new Set(children.map(({ replaces }) => replaces));
}

/**
 * Whether there is room for what the peer asks for. A replacement adds nothing, so a site at its
 * limit can rekey each of its Child SAs. A second heir of the same one does; and a site that
 * replaces without ever deleting ends at twice the limit.
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

/** Each Child SA that counts, and the one before it that is still to be deleted. */
const REPLACED_FACTOR = 2;
