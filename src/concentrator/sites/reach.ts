/** Which eroutes in use lead to an address: a packet finds them before any row is read (R12). */

import { type Address, familyBits } from "../../inet/address.ts";
import { containsAddress, formatPrefix, prefixOf } from "../../inet/prefix.ts";
import { valuesAround } from "../../inet/prefix-table.ts";
import type { TrafficSelector } from "../../wire/traffic-selector.ts";
import { add, rest } from "../calls/call-table.ts";
import { growingHoldMs } from "../calls/refused.ts";
import { hasLostStates } from "../dataplane/repair.ts";
import type { Engine } from "../engine.ts";
import type { ErouteInUse } from "./eroute-in-use.ts";
import { erouteAt } from "./eroutes.ts";
import { factsAt } from "./ike-sas.ts";

/** The eroute of this name that leads there, by its narrowest subnet. */
export function erouteTowards(
  engine: Engine,
  name: string,
  destination: Address,
): ErouteInUse | undefined {
  const host = prefixOf(destination, familyBits(destination.family));
  for (const { values } of valuesAround(engine.sites.reach, host)) {
    for (const key of values) {
      const eroute = erouteAt(engine, key);
      if (eroute?.base.name === name) return eroute;
    }
  }
  return undefined;
}

/**
 * A packet has no Child SA although its site is connected, for example because the site asked only
 * for the first of its subnets. Asks for the missing one. False if no IKE SA is up.
 */
export function askForMissing(
  engine: Engine,
  eroute: ErouteInUse,
  packet: { readonly source: Address; readonly destination: Address },
): boolean {
  for (const spi of [...eroute.ikeSas].reverse()) {
    const ike = factsAt(engine, spi);
    if (ike === undefined || ike.isReplaced) continue;
    if (ike.children.length === 0) {
      const { local, remote } = ike.policy;
      if (!isTurn(engine, eroute, packet.destination)) return true;
      engine.inbox.push({ spi, event: { kind: "new-child", local, remote } });
      return true;
    }
    // A Child SA that has lost its states is being rekeyed: no other one is needed.
    if (ike.children.some(({ spiIn }) => hasLostStates(engine, spiIn))) return true;
    const local = ike.policy.local.filter((selector) => holds(selector, packet.source));
    const remote = ike.policy.remote.filter((selector) => holds(selector, packet.destination));
    if (local.length > 0 && remote.length > 0 && isTurn(engine, eroute, packet.destination)) {
      engine.inbox.push({ spi, event: { kind: "new-child", local, remote } });
    }
    return true;
  }
  return false;
}

/**
 * Whether to ask now: a site that refuses is not asked again for each packet, but less and less
 * often.
 */
function isTurn(engine: Engine, eroute: ErouteInUse, destination: Address): boolean {
  const subnet = eroute.remoteSubnets.find((prefix) => containsAddress(prefix, destination));
  if (subnet === undefined) return false;
  const { base, peerId } = eroute;
  const key = `${eroute.key}\u0000to ${formatPrefix(subnet)}`;
  const call = add(engine, { base, key, why: "traffic", peerId, destination }, 0);
  if (call !== undefined) rest(engine, call, growingHoldMs(engine, key));
  return call !== undefined;
}

function holds({ range }: TrafficSelector, { family, value }: Address): boolean {
  return range.family === family && range.first <= value && value <= range.last;
}
