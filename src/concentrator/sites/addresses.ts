/** Addresses of this host that come and go while IKE SAs use them. */

import { type Address, formatAddress } from "../../inet/address.ts";
import type { Instant } from "../../octets/instant.ts";
import { setStage } from "../calls/call-table.ts";
import { type Engine, factsAt, inMs } from "../engine.ts";
import { closeSoon } from "./errands.ts";

/** An address may be back within so long, as when its interface is switched off and on. */
const GONE_MS = 10_000;

/** The addresses on which IKE is spoken now. */
export function onAddresses(engine: Engine, local: readonly Address[]): void {
  const before = engine.localAddresses;
  const now = new Set(local.map(formatAddress));
  engine.localAddresses = now;
  if ([...now].some((address) => before?.has(address) !== true)) hurryCalls(engine);
  for (const address of now) engine.goneAddresses.delete(address);
  for (const address of before ?? []) {
    if (!now.has(address)) engine.goneAddresses.set(address, inMs(engine, GONE_MS));
  }
}

/** When an address that has gone counts as gone for good. */
export function addressesAt({ goneAddresses }: Engine): Instant | undefined {
  const [first] = [...goneAddresses.values()].sort((a, b) => a - b);
  return first;
}

/**
 * What uses an address that has not come back can neither be reached nor reach anybody: it is
 * closed here, and called again from elsewhere where that is configured.
 */
export function leaveGoneAddresses(engine: Engine): void {
  const gone = new Set<string>();
  for (const [address, until] of engine.goneAddresses) {
    if (engine.now < until) continue;
    engine.goneAddresses.delete(address);
    gone.add(address);
  }
  if (gone.size === 0) return;
  for (const eroute of engine.eroutes.values()) {
    const usesGone = [...eroute.ikeSas].some((spi) => {
      const ike = factsAt(engine, spi);
      return ike !== undefined && gone.has(formatAddress(ike.path.local.address));
    });
    if (usesGone) closeSoon(engine, eroute, "address-gone");
  }
}

/** A new address may be the way that was missing: whoever is always called is called now. */
function hurryCalls(engine: Engine): void {
  for (const call of engine.calls.byId.values()) {
    if (call.why !== "always" || call.stage.kind !== "waiting") continue;
    setStage(engine, call, { kind: "waiting", until: engine.now });
  }
}
