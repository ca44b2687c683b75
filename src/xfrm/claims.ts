/** What in the kernel is in use: all else that is ours is a leftover of an earlier run. */

import { equalAddress } from "../inet/address.ts";
import type { Prefix } from "../inet/prefix.ts";
import type { XfrmPolicy } from "./policy.ts";
import type { XfrmStateId } from "./state.ts";

/** Asked for each object at the moment when it would be removed. */
export type XfrmClaims = {
  /** The policy that is wanted under this name (`formatPolicyId`). */
  policy(name: string): XfrmPolicy | undefined;
  state(id: Pick<XfrmStateId, "dst" | "spi">): boolean;
  route(destination: Prefix): boolean;
};

/** Only these policies, by name. */
export function claimsOf(policies: ReadonlyMap<string, XfrmPolicy>): XfrmClaims {
  return { policy: (name) => policies.get(name), state: () => false, route: () => false };
}

/** Whether a policy in the kernel is as it is wanted. */
export function isAsWanted(found: XfrmPolicy, wanted: XfrmPolicy): boolean {
  if (found.action !== wanted.action || found.priority !== wanted.priority) return false;
  const [a, b] = [found.template, wanted.template];
  if (a === undefined || b === undefined) return a === b;
  const isSamePlace = equalAddress(a.src, b.src) && equalAddress(a.dst, b.dst);
  return isSamePlace && a.reqid === b.reqid && a.mode === b.mode;
}
