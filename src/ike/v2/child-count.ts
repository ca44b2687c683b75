/** How many Child SAs a site has, and whether it may have one more (RFC 7296 §1.3, §2.8). */

import type { ChildSa } from "../child-sa.ts";
import type { Established } from "./phase.ts";

/**
 * The Child SAs that count towards the limit. One that has an heir does not: the heir stands for
 * both until the old one is deleted.
 */
function countChildSas(children: readonly ChildSa[]): number {
  return children.filter((child) => !hasHeir(child, children)).length;
}

/**
 * Whether there is room for what the peer asks for. A replacement adds nothing, so a site at its
 * limit can rekey each of its Child SAs. A second heir of the same one does; and whoever replaces
 * without ever deleting ends at twice the limit.
 */
export function hasRoomFor(
  { children, policy }: Pick<Established, "children" | "policy">,
  replaces: ChildSa | undefined,
): boolean {
  const max = policy.childSasMax;
  if (children.length >= max * REPLACED_FACTOR) return false;
  if (replaces !== undefined && !hasHeir(replaces, children)) return true;
  return countChildSas(children) < max;
}

/** Each Child SA that counts, and the one before it that is still to be deleted. */
const REPLACED_FACTOR = 2;

function hasHeir({ spiIn }: ChildSa, children: readonly ChildSa[]): boolean {
  return children.some((other) => other.replaces === spiIn);
}
