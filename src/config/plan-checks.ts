/** Checks across eroutes, egroups and users: contradictions, and what can never be reached. */

import { containsPrefix, formatPrefix, type Prefix } from "../inet/prefix.ts";
import { countPairs, SUBNET_PAIRS_MAX, SUBNETS_MAX } from "../inet/subnet-pairs.ts";
import type { Check } from "./check.ts";
import type { ReadEgroup } from "./egroups.ts";
import type { ReadEroute } from "./eroutes.ts";
import { quoted } from "./fault.ts";
import { checkOverlaps, checkReachable, type WithPattern } from "./pattern-checks.ts";
import { checkBaseSubnets } from "./subnet-checks.ts";
import { checkUsers } from "./user-checks.ts";
import type { ReadUser } from "./users.ts";

/** All of them. */
export function checkPlan(
  check: Check,
  egroups: readonly ReadEgroup[],
  eroutes: readonly ReadEroute[],
  users: readonly ReadUser[],
): void {
  const withPattern = eroutes.filter((eroute) => eroute.peerid !== undefined) as WithPattern[];
  checkOverlaps(check, withPattern);
  checkReachable(check, withPattern);
  checkUsers(check, withPattern, users);
  for (const eroute of eroutes) checkSubnets(check, eroute);
  checkBaseSubnets(check, eroutes);
  const used = new Set(eroutes.map(({ egroup }) => egroup));
  for (const { path, egroup } of egroups) {
    if (used.has(egroup.name)) continue;
    check.warn(path, `${quoted(egroup.name)} has no eroute`, "an [[eroute]] that names it");
  }
  if (eroutes.length === 0) {
    check.warn([], "there is no [[eroute]]: every site is refused", "at least one");
  }
}

function checkSubnets(check: Check, eroute: ReadEroute): void {
  const { localSubnets, path, remoteSubnets } = eroute;
  const at = [...path, "remote_subnet"];
  const overlap = firstOverlap(localSubnets, remoteSubnets);
  if (overlap !== undefined) {
    const what = `overlaps local_subnet: ${overlap}`;
    check.warn(at, what, "separate subnets");
  }
  checkSubnetCount(check, eroute);
  if (localSubnets.length === 0 || remoteSubnets.length === 0) return;
  const families = new Set(localSubnets.map((subnet) => subnet.family));
  if (remoteSubnets.some((subnet) => families.has(subnet.family))) return;
  const what = "and local_subnet are of different IP versions";
  check.fault(at, what, "a subnet of the same version on each side");
}

/** The capacity of one Child SA. The remote subnets of a base eroute are chosen by its rows. */
function checkSubnetCount(check: Check, eroute: ReadEroute): void {
  const { kind, localSubnets, path, remoteSubnets } = eroute;
  const sides =
    kind === "base"
      ? { local_subnet: localSubnets }
      : { local_subnet: localSubnets, remote_subnet: remoteSubnets };
  for (const [key, subnets] of Object.entries(sides)) {
    if (subnets.length <= SUBNETS_MAX) continue;
    const what = `holds ${subnets.length} subnets, at most ${SUBNETS_MAX} are allowed`;
    check.fault([...path, key], what, "fewer, wider ones");
  }
  const pairs = kind === "base" ? 0 : countPairs(localSubnets, remoteSubnets);
  if (pairs <= SUBNET_PAIRS_MAX) return;
  const room = `a Child SA has room for ${SUBNET_PAIRS_MAX}`;
  const what = `and local_subnet make ${pairs} pairs of subnets: ${room}`;
  check.fault([...path, "remote_subnet"], what, "fewer, wider ones");
}

function firstOverlap(a: readonly Prefix[], b: readonly Prefix[]): string | undefined {
  for (const one of a) {
    const other = b.find((prefix) => containsPrefix(one, prefix) || containsPrefix(prefix, one));
    if (other !== undefined) return `${formatPrefix(one)} and ${formatPrefix(other)}`;
  }
  return undefined;
}
