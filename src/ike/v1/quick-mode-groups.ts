/** In which group Quick Mode asks for keys: that which the site took last comes first. */

import type { ChildSa } from "../child-sa.ts";
import type { Established } from "./established-phase.ts";
import { groupsOf } from "./proposal.ts";
import type { IkeEffect } from "./step.ts";

/**
 * All that the eroute allows, 0 for none: first that of the Child SA which is replaced, or else the
 * one that the site took last.
 */
export function groupsToTry(
  { policy, takenGroup }: Pick<Established, "policy" | "takenGroup">,
  replaces: Pick<ChildSa, "algorithms"> | undefined,
): readonly number[] {
  const all = groupsOf(policy.suites);
  const first = replaces?.algorithms.ke ?? takenGroup;
  if (first === undefined || !all.includes(first)) return all;
  return [first, ...all.filter((group) => group !== first)];
}

/** The site took this group: its next ISAKMP SA begins with it as well. */
export function took(
  sa: Established,
  takenGroup: number,
): { readonly sa: Established; readonly effects: readonly IkeEffect[] } {
  if (sa.takenGroup === takenGroup) return { sa, effects: [] };
  const method = { method: takenGroup, alone: false };
  return { sa: { ...sa, takenGroup }, effects: [{ kind: "child-method", method }] };
}
