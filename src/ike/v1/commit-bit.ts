/**
 * The Commit bit: a peer that sets it in Quick Mode says afterwards, with CONNECTED, that it is
 * ready to receive (RFC 2408 §3.1). We never set it.
 */

import type { EspSpi } from "../../inet/esp-spi.ts";
import { type Instant, later } from "../../octets/instant.ts";
import type { Established } from "./established-phase.ts";
import type { Held, Over } from "./quick-mode-phase.ts";
import { replaceQuickMode } from "./quick-modes.ts";
import type { IkeEffect } from "./step.ts";

/** CONNECTED is sent once and may get lost: then we send ESP after this time. */
const CONNECTED_MS_MAX = 2_000;

/** What a new Child SA does now, or when the peer is ready. */
export function outboundOf(
  spiIn: EspSpi,
  isCommitted: boolean,
  now: Instant,
): { readonly held: Held | undefined; readonly effects: readonly IkeEffect[] } {
  if (isCommitted) return { held: { spiIn, until: later(now, CONNECTED_MS_MAX) }, effects: [] };
  return { held: undefined, effects: [{ kind: "child-outbound", spiIn }] };
}

/** CONNECTED has come, which need not say of which Child SA; or the time for it is over. */
export function release(
  sa: Established,
  which: (exchange: Over) => boolean = () => true,
): { readonly sa: Established; readonly effects: readonly IkeEffect[] } {
  let at = sa;
  const effects: IkeEffect[] = [];
  for (const exchange of sa.quickModes) {
    if (exchange.stage !== "over" || exchange.held === undefined || !which(exchange)) continue;
    const { spiIn } = exchange.held;
    at = replaceQuickMode(at, { ...exchange, held: undefined });
    // It may have been deleted meanwhile.
    if (sa.children.some((child) => child.spiIn === spiIn)) {
      effects.push({ kind: "child-outbound", spiIn });
    }
  }
  return { sa: at, effects };
}
