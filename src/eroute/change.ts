/** Two configurations of one eroute compared: what its sites need anew, and what can wait. */

import type { Prefix } from "../inet/prefix.ts";
import type { Eroute } from "./eroute.ts";

/** Keys of the configuration that differ, by what has to happen to SAs that are up. */
export type ErouteChange = {
  /** SAs made from the former eroute say something else now: they have to go. */
  readonly renewing: readonly string[];
  /** Only later exchanges ask for it: proposals, lifetimes, liveness checks. */
  readonly later: readonly string[];
  /** Our ID differs: sites whose row names one of its own do not care. */
  readonly ourid: boolean;
  /** The remote subnets differ: a base eroute's sites may still be inside. */
  readonly remoteSubnets: boolean;
};

/** What is different in `after`; order counts only where it says what is preferred. */
export function erouteChange(before: Eroute, after: Eroute): ErouteChange {
  const renewing: string[] = [];
  const later: string[] = [];
  if (before.kind !== after.kind) renewing.push("egroup");
  if (!sameSubnets(before.localSubnets, after.localSubnets)) renewing.push("local_subnet");
  for (const [key, value] of fieldsOf(before)) {
    const next = fieldsOf(after).get(key);
    if (equalValues(value, next)) continue;
    if (RENEWING.has(key)) renewing.push(wordOf(key));
    else later.push(wordOf(key));
  }
  return {
    renewing,
    later,
    ourid: before.ourid !== after.ourid,
    remoteSubnets: !sameSubnets(before.remoteSubnets, after.remoteSubnets),
  };
}

/** The same subnets, in whatever order. */
export function sameSubnets(a: readonly Prefix[], b: readonly Prefix[]): boolean {
  return a.length === b.length && subnetKeys(a) === subnetKeys(b);
}

/** Whether two values of plain data are equal all the way down. */
export function equalValues(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => equalValues(Reflect.get(a, key), Reflect.get(b, key)));
}

function subnetKeys(subnets: readonly Prefix[]): string {
  return subnets
    .map(({ family, value, length }) => `${family}/${value}/${length}`)
    .sort()
    .join(" ");
}

/** Everything that is compared field by field: an option of a group counts by itself. */
function fieldsOf(eroute: Eroute): ReadonlyMap<string, unknown> {
  const { auth, child, life, ...rest } = eroute;
  const { own, peer } = auth;
  const fields = { ...rest, ...child, ...life, certificateFile: own, peerAuth: peer };
  return new Map(Object.entries(fields).filter(([key]) => !ELSEWHERE.has(key)));
}

/** Compared by themselves, or no property of the SAs: which IDs match is asked of each site. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  "kind",
  "name",
  "peerid",
  "ourid",
  "localSubnets",
  "remoteSubnets",
]);

/** What stands in the kernel's states and policies, or says which table a site is in. */
const RENEWING: ReadonlySet<string> = new Set(["egroup", "transport", "ifId", "mark", "traffic"]);

/** As the configuration calls it. */
function wordOf(key: string): string {
  return WORDS.get(key) ?? key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

const WORDS: ReadonlyMap<string, string> = new Map([
  ["livenessMs", "dpd"],
  ["lifetimeSeconds", "lifetime"],
  ["lifetimeOctets", "lifetime_bytes"],
  ["ikeLifetimeMs", "ike_lifetime"],
  ["inactivityMs", "inactivity"],
  ["reauthMs", "reauth"],
  ["traffic", "protocol and ports"],
]);
