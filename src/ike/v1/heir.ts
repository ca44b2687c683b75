/** What an ISAKMP SA hands over to the newer one of its site: Child SAs belong to the site. */

import { give } from "./close.ts";
import type { Established } from "./established-phase.ts";
import { replacedBy } from "./quick-modes.ts";
import type { IkeEffect } from "./step.ts";

type Given = { readonly sa: Established; readonly effects: readonly IkeEffect[] };

/** Hands over all Child SAs that no Quick Mode under way needs. */
export function giveToHeir(sa: Established): Given {
  return sa.heir === undefined ? { sa, effects: [] } : give(sa, neededHere(sa));
}

/**
 * Inbound SPIs of what Quick Modes make, of what that replaces, and of what replaces it: when the
 * old one goes, the new one has to send, so one ISAKMP SA keeps both.
 */
function neededHere({ quickModes, children }: Established): ReadonlySet<number> {
  const needed = new Set<number>();
  for (const exchange of quickModes) {
    const own = "spiIn" in exchange ? exchange.spiIn : undefined;
    const made = children.find(({ spiIn }) => spiIn === own);
    for (const spi of [own, made?.replaces, replacedBy(exchange)]) {
      if (spi !== undefined) needed.add(spi);
    }
  }
  // What replaces another one comes after it.
  for (const { spiIn, replaces } of children) {
    if (replaces !== undefined && needed.has(replaces)) needed.add(spiIn);
  }
  return needed;
}
