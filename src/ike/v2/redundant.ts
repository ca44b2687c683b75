/** Child SAs that are redundant, because another one carries the same (RFC 7296 §2.8, §2.8.1). */

import { later } from "../../octets/instant.ts";
import type { ChildSa } from "../child-sa.ts";
import type { IkeContext } from "../effect.ts";
import { retryMs } from "../jitter.ts";
import { closeChild } from "./delete.ts";
import type { Established } from "./established-phase.ts";
import type { Step } from "./step.ts";
import { selectorKeys } from "./tasks.ts";

/**
 * The peer has had its time to delete the Child SA. We check whether it is still redundant: the one
 * that should take its place may be gone.
 */
export function onRedundantDue(sa: Established, child: ChildSa, context: IkeContext): Step {
  if (isCovered(child, sa.children)) return closeChild(sa, child.spiIn, "redundant");
  const rekeyAt = later(context.now, retryMs(sa.policy.lifetimeMs, context.random));
  const children = sa.children.map((other) =>
    other.spiIn === child.spiIn ? { ...other, redundantUntil: undefined, rekeyAt } : other,
  );
  return { sa: { ...sa, children }, effects: [] };
}

/** Whether another Child SA that stays carries the same traffic. */
function isCovered(child: ChildSa, all: readonly ChildSa[]): boolean {
  const key = String(selectorKeys(child));
  return all.some((other) => {
    if (other.spiIn === child.spiIn || other.redundantUntil !== undefined) return false;
    return other.replaces === child.spiIn || String(selectorKeys(other)) === key;
  });
}
