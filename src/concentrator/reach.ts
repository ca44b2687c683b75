/** Which eroutes in use lead to an address: a packet finds them before any row is read (R12). */

import { type Address, type Family, familyBits } from "../inet/address.ts";
import { containsAddress, formatPrefix, type Prefix, prefixOf } from "../inet/prefix.ts";
import type { TrafficSelector } from "../wire/message.ts";
import { add, HOLD_MS, rest } from "./call-table.ts";
import type { Engine, ErouteInUse } from "./engine.ts";

/** Keys of eroutes in use by their remote subnets; nearly always one a subnet. */
export type Reach = {
  readonly bySubnet: Map<SubnetKey, readonly string[]>;
  /** How many subnets of each length there are, by family. */
  readonly lengths: Readonly<Record<Family, Map<number, number>>>;
};

/** A number for IPv4, which costs no memory of its own, and a bigint for IPv6. */
type SubnetKey = number | bigint;

export function createReach(): Reach {
  return { bySubnet: new Map(), lengths: { 4: new Map(), 6: new Map() } };
}

/** An eroute has come into use. */
export function addReach({ bySubnet, lengths }: Reach, eroute: ErouteInUse): void {
  for (const subnet of eroute.remoteSubnets) {
    const key = subnetKey(subnet);
    const before = bySubnet.get(key);
    bySubnet.set(key, before === undefined ? [eroute.key] : [...before, eroute.key]);
    const ofFamily = lengths[subnet.family];
    ofFamily.set(subnet.length, (ofFamily.get(subnet.length) ?? 0) + 1);
  }
}

/** An eroute is not in use any more, or gets other subnets. */
export function removeReach({ bySubnet, lengths }: Reach, eroute: ErouteInUse): void {
  for (const subnet of eroute.remoteSubnets) {
    const key = subnetKey(subnet);
    const keys = [...(bySubnet.get(key) ?? [])];
    const at = keys.indexOf(eroute.key);
    if (at < 0) continue;
    keys.splice(at, 1);
    if (keys.length > 0) bySubnet.set(key, keys);
    else bySubnet.delete(key);
    const ofFamily = lengths[subnet.family];
    const left = (ofFamily.get(subnet.length) ?? 0) - 1;
    if (left > 0) ofFamily.set(subnet.length, left);
    else ofFamily.delete(subnet.length);
  }
}

/** The eroute of this name that leads there, by its narrowest subnet. */
export function erouteTowards(
  engine: Engine,
  name: string,
  destination: Address,
): ErouteInUse | undefined {
  const { bySubnet, lengths } = engine.reach;
  const byLength = [...lengths[destination.family].keys()].sort((a, b) => b - a);
  for (const length of byLength) {
    for (const key of bySubnet.get(subnetKey(prefixOf(destination, length))) ?? []) {
      const eroute = engine.eroutes.get(key);
      if (eroute?.base.name === name) return eroute;
    }
  }
  return undefined;
}

/**
 * A packet has no Child SA although its site is connected: it has others, such as for the first of
 * its subnets only. The one that is missing is asked for. False if no IKE SA is up.
 */
export function askForMissing(
  engine: Engine,
  eroute: ErouteInUse,
  packet: { readonly source: Address; readonly destination: Address },
): boolean {
  for (const spi of [...eroute.ikeSas].reverse()) {
    const sa = engine.sas.get(spi)?.sa;
    if (sa?.phase !== "established" || sa.replacedUntil !== undefined) continue;
    if (sa.children.length === 0) {
      const { local, remote } = sa.policy;
      engine.inbox.push({ spi, event: { kind: "new-child", local, remote } });
      return true;
    }
    const local = sa.policy.local.filter((selector) => holds(selector, packet.source));
    const remote = sa.policy.remote.filter((selector) => holds(selector, packet.destination));
    if (local.length > 0 && remote.length > 0 && isTurn(engine, eroute, packet.destination)) {
      engine.inbox.push({ spi, event: { kind: "new-child", local, remote } });
    }
    return true;
  }
  return false;
}

/** A site that refuses is not asked for each packet: once, and then not for a while. */
function isTurn(engine: Engine, eroute: ErouteInUse, destination: Address): boolean {
  const subnet = eroute.remoteSubnets.find((prefix) => containsAddress(prefix, destination));
  if (subnet === undefined) return false;
  const { base, peerId } = eroute;
  const key = `${eroute.key}\u0000to ${formatPrefix(subnet)}`;
  const call = add(engine, { base, key, why: "traffic", peerId, destination }, 0);
  if (call !== undefined) rest(engine, call, HOLD_MS);
  return call !== undefined;
}

function holds({ range }: TrafficSelector, { family, value }: Address): boolean {
  return range.family === family && range.first <= value && value <= range.last;
}

function subnetKey({ family, value, length }: Prefix): SubnetKey {
  if (family === 4) return Number(value) * LENGTHS_V4 + length;
  return (value << LENGTH_BITS_V6) | BigInt(length);
}

/** More than there are lengths of a prefix. */
const LENGTHS_V4 = 2 * familyBits(4);
const LENGTH_BITS_V6 = 8n;
