/** Compares two configurations of one eroute: what its sites need at once, and what can wait. */

import type { Prefix } from "../inet/prefix.ts";
import type { Eroute } from "./eroute.ts";

/** Keys of the configuration that differ, by what has to happen to established SAs. */
export type ErouteChange = {
  /** SAs made from the former eroute no longer match it: they have to be closed. */
  readonly renewing: readonly string[];
  /** Only later exchanges use these: proposals, lifetimes, liveness checks. */
  readonly later: readonly string[];
  /** Our ID differs: this does not affect sites whose row names another one. */
  readonly ourid: boolean;
  /** The remote subnets differ: a base eroute's sites may still be inside. */
  readonly remoteSubnets: boolean;
};

/** What differs in `after`; order counts only where it expresses preference. */
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

/** The same subnets, in any order. */
export function sameSubnets(a: readonly Prefix[], b: readonly Prefix[]): boolean {
  return a.length === b.length && subnetKeys(a) === subnetKeys(b);
}

/** Whether two values of plain data are deeply equal. */
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

/** Everything that is compared field by field: each option of a group counts separately. */
function fieldsOf(eroute: Eroute): ReadonlyMap<string, unknown> {
  const { auth, child, life, versions, ...rest } = eroute;
  const { own, peer } = auth;
  const { v1, v2 } = versions;
  const fields = {
    ...rest,
    ...child,
    ...life,
    certificateFile: own,
    peerAuth: peer,
    ikeVersion: [v2, v1 !== undefined],
    ikev1Mode: v1?.mode,
    legacy: v1?.legacy,
    xauth: v1?.xauth,
    modeConfig: v1?.pushesConfig,
    sha256_96: v1?.sha256With96Bits,
    ike: [rest.ike, v1?.ike],
    esp: [rest.esp, v1?.esp],
  };
  return new Map(Object.entries(fields).filter(([key]) => !ELSEWHERE.has(key)));
}

/** Compared separately, or not a property of the SAs: which IDs match is checked for each site. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  "kind",
  "name",
  "peerid",
  "ourid",
  "localSubnets",
  "remoteSubnets",
]);

/** What is part of the kernel's states and policies, or says which table a site is in. */
const RENEWING: ReadonlySet<string> = new Set(["egroup", "transport", "ifId", "mark", "traffic"]);

/** The name in the configuration. */
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
