/** Checks across eroutes, egroups and users: contradictions, and what can never be reached. */

import { needsPsk } from "../eroute/eroute.ts";
import { commonId, coversPattern } from "../eroute/overlap.ts";
import { isWild, matchesPattern, type Pattern } from "../eroute/pattern.ts";
import { peerKey } from "../eroute/peer-id.ts";
import { containsPrefix, formatPrefix, type Prefix } from "../inet/prefix.ts";
import { countPairs, SUBNET_PAIRS_MAX, SUBNETS_MAX } from "../inet/subnet-pairs.ts";
import type { Check } from "./check.ts";
import type { ReadEgroup } from "./egroups.ts";
import type { ReadEroute } from "./eroutes.ts";
import { quoted } from "./fault.ts";
import type { ReadUser } from "./users.ts";

type WithPattern = ReadEroute & { readonly peerid: Pattern };

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
  for (const { path, egroup } of egroups) {
    if (eroutes.some((eroute) => eroute.egroup === egroup.name)) continue;
    check.warn(path, `${quoted(egroup.name)} has no eroute`, "an [[eroute]] that names it");
  }
  if (eroutes.length === 0) {
    check.warn([], "there is no [[eroute]]: every site is refused", "at least one");
  }
}

/** R11: an ID must lead to one egroup. */
function checkOverlaps(check: Check, eroutes: readonly WithPattern[]): void {
  const bases = eroutes.filter((eroute) => eroute.kind === "base");
  for (const [i, eroute] of bases.entries()) {
    for (const before of bases.slice(0, i)) {
      const id = commonId(before.peerid, eroute.peerid);
      if (id === undefined) continue;
      const [a, b] = [quoted(eroute.peerid.text), quoted(before.peerid.text)];
      const what = `is ${a}: like ${b} of ${called(before)} it matches the ID ${quoted(id)} (R11)`;
      check.fault([...eroute.path, "peerid"], what, "patterns that match no ID in common");
    }
  }
}

/** R1-R3: base eroutes are matched first, then normal ones in their order. */
function checkReachable(check: Check, eroutes: readonly WithPattern[]): void {
  const order = new Map(eroutes.map((eroute, i) => [eroute, i]));
  const { wide, exact } = byForm(eroutes, ({ peerid }) => peerid.text);
  for (const [i, eroute] of eroutes.entries()) {
    if (eroute.kind === "base") continue;
    const [before] = [...wide, ...(exact.get(peerKey(eroute.peerid.text)) ?? [])]
      .filter((other) => other.kind === "base" || (order.get(other) ?? i) < i)
      .filter((other) => coversPattern(other.peerid, eroute.peerid))
      .sort((a, b) => (order.get(a) ?? i) - (order.get(b) ?? i));
    if (before === undefined) continue;
    const taken = `${called(before)} matches all its IDs first, with ${quoted(before.peerid.text)}`;
    const what = `is ${quoted(eroute.peerid.text)}, but ${taken}`;
    check.warn([...eroute.path, "peerid"], what, "a pattern that can be reached");
  }
}

/** Eroutes whose ID is a pattern, and the others by their only ID: there may be thousands. */
function byForm<T>(all: readonly T[], idOf: (one: T) => string) {
  const wide: T[] = [];
  const exact = new Map<string, T[]>();
  for (const one of all) {
    const id = idOf(one);
    if (/[*?]/.test(id)) wide.push(one);
    else {
      const key = peerKey(id);
      const same = exact.get(key);
      if (same === undefined) exact.set(key, [one]);
      else same.push(one);
    }
  }
  return { wide, exact };
}

/** R3: a user and a normal eroute work only together. */
function checkUsers(
  check: Check,
  eroutes: readonly WithPattern[],
  users: readonly ReadUser[],
): void {
  const byName = byForm(users, ({ name }) => name);
  const named = (id: string) => byName.exact.get(peerKey(id)) ?? [];
  const { wide, exact } = byForm(eroutes, ({ peerid }) => peerid.text);
  for (const { kind, path, peerid, eroute } of eroutes) {
    if (kind === "base") continue;
    const isWide = /[*?]/.test(peerid.text);
    const own = isWide
      ? users.filter((user) => matchesPattern(peerid, user.name))
      : named(peerid.text);
    const [first, second] = own;
    if (eroute?.life.start === "always" && first === undefined && isWild(peerid)) {
      const what = `is ${quoted(peerid.text)}, but start is "always": it names no site to call`;
      check.fault([...path, "peerid"], what, "the ID of one site");
    }
    if (eroute?.life.start === "always" && first !== undefined && second !== undefined) {
      const both = `${quoted(first.name)} and ${quoted(second.name)}`;
      const what = `matches the users ${both}, but start is "always": only one is called`;
      check.fault([...path, "peerid"], what, "the ID of one user");
    }
    if (own.length > 0 || (eroute !== undefined && !needsPsk(eroute.auth))) continue;
    const what = `is ${quoted(peerid.text)}, which is no [[user]]'s name: no site can connect (R3)`;
    check.warn([...path, "peerid"], what, "a [[user]] with that ID");
  }
  for (const { path, name, user } of users) {
    const patterns = wide.filter((eroute) => matchesPattern(eroute.peerid, name));
    const matching = [...patterns, ...(exact.get(peerKey(name)) ?? [])];
    const base = matching.find((eroute) => eroute.kind === "base");
    const at = [...path, "name"];
    if (base !== undefined) {
      const what = `is ${quoted(name)}, which base ${called(base)} sends to its database (R2)`;
      check.warn(at, what, "the key in the database, or another name");
    } else if (matching.length === 0) {
      const what = `is ${quoted(name)}, which no eroute's peerid matches (R3)`;
      check.warn(at, what, "a normal [[eroute]] for it");
    }
    const strict = matching.find(({ eroute }) => eroute?.ppk === "required");
    if (base === undefined && strict !== undefined && user !== undefined && !user.ppk) {
      const rule = `ppk of ${called(strict)} is "required"`;
      const what = `is ${quoted(name)}, which has no PPK, but ${rule}`;
      check.fault(at, what, "ppk_file or ppk_env beside it");
    }
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

/** R12: a packet must lead to one base eroute. */
function checkBaseSubnets(check: Check, eroutes: readonly ReadEroute[]): void {
  const bases = eroutes.filter((eroute) => eroute.kind === "base");
  for (const [i, eroute] of bases.entries()) {
    for (const before of bases.slice(0, i)) {
      const overlap = firstOverlap(before.remoteSubnets, eroute.remoteSubnets);
      if (overlap === undefined) continue;
      const what = `overlaps that of ${called(before)}: ${overlap}`;
      check.warn([...eroute.path, "remote_subnet"], what, "separate subnets");
    }
  }
}

function firstOverlap(a: readonly Prefix[], b: readonly Prefix[]): string | undefined {
  for (const one of a) {
    const other = b.find((prefix) => containsPrefix(one, prefix) || containsPrefix(prefix, one));
    if (other !== undefined) return `${formatPrefix(one)} and ${formatPrefix(other)}`;
  }
  return undefined;
}

function called(eroute: ReadEroute): string {
  return eroute.name === undefined ? "an eroute without name" : `eroute ${eroute.name}`;
}
