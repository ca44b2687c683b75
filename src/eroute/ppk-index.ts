/**
 * PPKs by their PPK_ID, for sites whose ID is not known yet (RFC 9867). Only those of local users
 * are at hand; rows are found by their peer ID, which a site names later.
 */

import { toHex } from "../octets/hex.ts";
import type { EroutePlan, LocalUser } from "./eroute.ts";
import { eroutesFor } from "./plan-index.ts";

/** Whether every PPK that a site can have is that of a local user. */
export function canFindPpks(plan: EroutePlan): boolean {
  if (!plan.intermediatePpk || indexOf(plan).users.size === 0) return false;
  return plan.eroutes.every((eroute) => eroute.ppk === "off" || eroute.kind !== "base");
}

/** Local users whose PPK has this PPK_ID and is used; {@link USERS_MAX} at most. */
export function usersWithPpk(plan: EroutePlan, id: Uint8Array): readonly LocalUser[] {
  return indexOf(plan).users.get(toHex(id)) ?? [];
}

/** Of users that share a PPK_ID, so many are considered: each costs a computation. */
const USERS_MAX = 16;

type PpkIndex = { readonly users: ReadonlyMap<string, readonly LocalUser[]> };

const indexes = new WeakMap<EroutePlan, PpkIndex>();

function indexOf(plan: EroutePlan): PpkIndex {
  const known = indexes.get(plan);
  if (known !== undefined) return known;
  const users = new Map<string, LocalUser[]>();
  for (const user of plan.users) {
    if (user.ppk === undefined || eroutesFor(plan, user.name)[0]?.ppk === "off") continue;
    const key = toHex(user.ppk.id);
    const before = users.get(key) ?? [];
    if (before.length < USERS_MAX) users.set(key, [...before, user]);
  }
  const made = { users };
  indexes.set(plan, made);
  return made;
}
