/** Addresses of this host that come and go while IKE SAs use them. */

import { type Address, formatAddress } from "../../inet/address.ts";
import type { Instant } from "../../octets/instant.ts";
import { hurryAlways } from "../calls/call-table.ts";
import { changedHead } from "../changes.ts";
import { type Engine, inMs } from "../engine.ts";
import type { ErouteInUse } from "./eroute-in-use.ts";
import { eroutesInUse } from "./eroutes.ts";
import { closeSoon } from "./errands.ts";
import { factsAt } from "./ike-sas.ts";
import { orphansOf } from "./orphans.ts";

/**
 * An address may come back within this time, for example when its interface is switched off and on.
 */
const GONE_MS = 10_000;

/** The addresses on which IKE is spoken now. */
export function onAddresses(engine: Engine, local: readonly Address[]): void {
  const before = engine.sites.localAddresses;
  const now = new Set(local.map(formatAddress));
  engine.sites.localAddresses = now;
  changedHead(engine);
  if ([...now].some((address) => before?.has(address) !== true)) hurryAlways(engine);
  for (const address of now) engine.sites.goneAddresses.delete(address);
  for (const address of before ?? []) {
    if (!now.has(address)) engine.sites.goneAddresses.set(address, inMs(engine, GONE_MS));
  }
}

/** When an address that has gone counts as gone for good. */
export function addressesAt({ sites }: Engine): Instant | undefined {
  let first: Instant | undefined;
  for (const at of sites.goneAddresses.values()) if (first === undefined || at < first) first = at;
  return first;
}

/** Our addresses that the packets of an eroute in use go to. */
export function localAddressesOf(engine: Engine, eroute: ErouteInUse): readonly Address[] {
  const ofIkeSas = eroute.ikeSas.flatMap((spi) => factsAt(engine, spi)?.path.local.address ?? []);
  return [...ofIkeSas, ...orphansOf(engine, eroute).map(({ place }) => place.path.local.address)];
}

/**
 * Closes what uses an address that has not come back: no packets pass there any more. Where it is
 * configured so, the site is called again from another address.
 */
export function leaveGoneAddresses(engine: Engine): void {
  const gone = new Set<string>();
  for (const [address, until] of engine.sites.goneAddresses) {
    if (engine.now < until) continue;
    engine.sites.goneAddresses.delete(address);
    gone.add(address);
  }
  if (gone.size === 0) return;
  for (const eroute of eroutesInUse(engine)) {
    const used = localAddressesOf(engine, eroute);
    if (used.some((address) => gone.has(formatAddress(address))))
      closeSoon(engine, eroute, "address-gone");
  }
}
