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
import type { Leaving } from "./sites.ts";

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
  const { leaving, goneAddresses } = sites;
  if (leaving !== undefined) return leaving.at;
  if (goneAddresses.size === 0) return undefined;
  let first: Instant | undefined;
  for (const at of goneAddresses.values()) if (first === undefined || at < first) first = at;
  return first;
}

/** Our addresses that the packets of an eroute in use go to. */
export function localAddressesOf(engine: Engine, eroute: ErouteInUse): readonly Address[] {
  const ofIkeSas = eroute.ikeSas.flatMap((spi) => factsAt(engine, spi)?.path.local.address ?? []);
  return [...ofIkeSas, ...orphansOf(engine, eroute).map(({ place }) => place.path.local.address)];
}

/**
 * Closes what uses an address that has not come back: no packets pass there any more. Where it is
 * configured so, the site is called again from another address. All sites are looked at, in
 * portions; until then the address is kept as one that has gone.
 */
export function leaveGoneAddresses(engine: Engine): void {
  const { sites, now } = engine;
  const due = [...sites.goneAddresses].flatMap(([address, until]) => (until > now ? [] : address));
  if (due.length === 0) {
    sites.leaving = undefined;
    return;
  }
  const gone = sites.leaving?.gone;
  const isSame = gone?.size === due.length && due.every((address) => gone.has(address));
  if (!isSame) sites.leaving = { gone: new Set(due), eroutes: eroutesInUse(engine), at: now };
  const { leaving } = sites;
  if (leaving !== undefined && now >= leaving.at) leaveOn(engine, leaving);
}

/** Sites that are looked at in one portion. */
const PORTION = 100;
const NEXT_PORTION_MS = 1;

function leaveOn(engine: Engine, leaving: Leaving): void {
  const { gone, eroutes } = leaving;
  leaving.at = inMs(engine, NEXT_PORTION_MS);
  for (let left = PORTION; left > 0; left--) {
    const { value: eroute, done } = eroutes.next();
    if (done === true) {
      engine.sites.leaving = undefined;
      for (const address of gone) engine.sites.goneAddresses.delete(address);
      return;
    }
    const used = localAddressesOf(engine, eroute);
    if (used.some((address) => gone.has(formatAddress(address))))
      closeSoon(engine, eroute, "address-gone");
  }
}
