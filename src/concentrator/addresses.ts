/** Addresses of this host that come and go while IKE SAs use them. */

import { type Address, formatAddress } from "../inet/address.ts";
import { setStage } from "./call-table.ts";
import type { Engine } from "./engine.ts";
import { closeSoon } from "./errands.ts";

/**
 * The addresses on which IKE is spoken now. What used one that has gone can neither be reached nor
 * reach anybody: it is closed here, and called again from elsewhere where that is configured.
 */
export function onAddresses(engine: Engine, local: readonly Address[]): void {
  const before = engine.localAddresses;
  const now = new Set(local.map(formatAddress));
  engine.localAddresses = now;
  if ([...now].some((address) => before?.has(address) !== true)) hurryCalls(engine);
  const gone = new Set([...(before ?? [])].filter((address) => !now.has(address)));
  if (gone.size === 0) return;
  for (const eroute of engine.eroutes.values()) {
    const usesGone = [...eroute.ikeSas].some((spi) => {
      const sa = engine.sas.get(spi)?.sa;
      return sa?.phase === "established" && gone.has(formatAddress(sa.path.local.address));
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
