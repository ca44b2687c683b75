/** Keys that are right by themselves but not together: within an eroute, and between sections. */

import { parseDuration } from "../eroute/duration.ts";
import type { EngineLimits } from "../eroute/eroute.ts";
import { formatAddress, parseAddress } from "../inet/address.ts";
import { isLoopback } from "../inet/loopback.ts";
import { containsAddress, type Prefix } from "../inet/prefix.ts";
import { retransmissionMs } from "../inet/retransmission.ts";
import { HOUR_MS } from "../octets/instant.ts";
import type { Check } from "./check.ts";
import type { ReadEgroup } from "./egroups.ts";
import type { ReadEroute } from "./eroutes.ts";
import type { RawConfig, RawEroute } from "./schema.ts";

/** Checks one eroute. Keys with wrong values have already been reported. */
export function checkEroute(
  check: Check,
  raw: RawEroute,
  read: ReadEroute,
  egroups: readonly ReadEgroup[],
): void {
  checkCalls(check, raw, read, egroups);
  checkTimes(check, raw, read);
  const at = (key: string) => [...read.path, key];
  const sides = [read.localSubnets, read.kind === "base" ? [] : read.remoteSubnets];
  if (raw.transport === true && sides.some((subnets) => subnets.length > 1)) {
    const what = "is true, but there are several subnets: transport mode joins two hosts";
    check.fault(at("transport"), what, "one local and one remote address, or no transport");
  }
  const only = onlyFamily(read);
  if ((raw.protocol === "icmp" && only === 6) || (raw.protocol === "icmp6" && only === 4)) {
    const what = `is "${raw.protocol}", but all subnets are of IPv${only}`;
    check.fault(at("protocol"), what, only === 6 ? '"icmp6"' : '"icmp"');
  }
  if (raw.uniqueness === "keep" && raw.dpd === "off") {
    const what =
      'is "keep" with dpd off: a site that restarts elsewhere waits until its old SAs expire';
    check.warn(at("uniqueness"), what, '"replace", or dpd');
  }
  const isAll = read.kind === "normal" && read.remoteSubnets.some(({ length }) => length === 0);
  if (raw.routes === true && isAll) {
    const what = "is true, and remote_subnet is everything: it takes the default route";
    check.warn(at("routes"), what, "a separate route for IKE's own packets, or no routes");
  }
}

/** A site without an address can neither be called for packets nor kept connected. */
function checkCalls(
  check: Check,
  raw: RawEroute,
  { kind, path }: ReadEroute,
  egroups: readonly ReadEgroup[],
): void {
  const key = raw.no_sa === "initiate" ? "no_sa" : "start";
  const isWanted = raw.no_sa === "initiate" || raw.start === "on-traffic";
  if (!isWanted || raw.start === "never" || raw.start === "always") return;
  const egroup = egroups.find(({ egroup: { name } }) => name === raw.egroup);
  const where = kind === "base" ? egroup?.database?.columns : raw;
  if (where === undefined || where.peerip != null || where.bakpeerip != null) return;
  const what = `is "${raw[key]}", but there is no peerip, so erouted cannot call the site`;
  const expected = kind === "base" ? "a column for peerip in the egroup" : "a peerip";
  check.warn([...path, key], what, expected);
}

function checkTimes(check: Check, raw: RawEroute, { path }: ReadEroute): void {
  if (raw.start === "always" && raw.inactivity !== undefined && raw.inactivity !== "off") {
    const what = 'is set, but start is "always": a site that it closes is called again at once';
    check.fault([...path, "inactivity"], what, '"off", or start = "on-traffic"');
  }
  const reauthMs = parseDuration(raw.reauth ?? "");
  for (const key of ["ike_lifetime", "lifetime"] as const) {
    const ms = parseDuration(raw[key] ?? "");
    if (ms === undefined || reauthMs === undefined || ms < reauthMs) continue;
    const what = `is "${raw[key]}", but after ${raw.reauth} (reauth) all SAs are replaced`;
    check.warn([...path, key], what, "a time shorter than reauth");
  }
}

function onlyFamily({ localSubnets, remoteSubnets }: ReadEroute): 4 | 6 | undefined {
  const families = new Set([...localSubnets, ...remoteSubnets].map(({ family }) => family));
  const [family] = families;
  return families.size === 1 ? family : undefined;
}

/** In [ike]: how long a request is repeated in all, and limits that must be ordered. */
export function checkLimits(check: Check, raw: RawConfig, limits: EngineLimits): void {
  const ms = retransmissionMs(limits.retransmission);
  const { retransmit_tries: tries, retransmit_backoff: backoff } = raw.ike ?? {};
  const key =
    tries !== undefined || backoff === undefined ? "retransmit_tries" : "retransmit_backoff";
  const what = `repeats a request for ${readable(ms)} before its site counts as gone`;
  if (ms > HOUR_MS) check.fault(["ike", key], what, "an hour at most, with retransmit_first");
  else if (ms > HOUR_MS / 6) check.warn(["ike", key], what, "a few minutes");
  const perPrefix = raw.ike?.half_open_per_prefix;
  if (perPrefix !== undefined && perPrefix > limits.halfOpenMax) {
    const both = `is ${perPrefix}, half_open_max is ${limits.halfOpenMax}`;
    check.warn(["ike", "half_open_per_prefix"], both, "no more than half_open_max");
  }
}

function readable(ms: number): string {
  return ms > 100 * HOUR_MS ? "days" : `${Math.round(ms / 60_000)} minutes`;
}

/** R14: a default eroute that drops traffic cuts off a database that no exception covers. */
export function checkDefaultEroute(
  check: Check,
  raw: RawConfig,
  egroups: readonly ReadEgroup[],
  open: readonly Prefix[],
): void {
  const { inbound, outbound } = raw.default_eroute ?? {};
  if (inbound !== "drop" && outbound !== "drop") return;
  for (const { egroup, database } of egroups) {
    if (database?.engine !== "mysql" || !("host" in database.at)) continue;
    for (const { host } of [database.at, ...(database.standby ?? [])]) {
      const address = parseAddress(host);
      // The address of a host name is not known before erouted runs.
      if (address === undefined || isLoopback(host)) continue;
      if (open.some((prefix) => containsAddress(prefix, address))) continue;
      const who = `${formatAddress(address)}, the database of egroup ${egroup.name}`;
      const key = outbound === "drop" ? "outbound" : "inbound";
      const what = `is "drop", and no eroute and no exception leads to ${who}`;
      check.warn(["default_eroute", key], what, `"pass", or ${formatAddress(address)} in except`);
    }
  }
}
