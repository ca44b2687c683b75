/** What an ISAKMP SA hands over to the newer one of its site: Child SAs belong to the site. */

import type { IkeContext } from "../effect.ts";
import { closeAlone, dropUnfinished } from "./close.ts";
import type { Established } from "./established-phase.ts";
import { replacedBy } from "./quick-modes.ts";
import type { IkeEffect, Step } from "./step.ts";

type Given = { readonly sa: Established; readonly effects: readonly IkeEffect[] };

/** Hands over all Child SAs that no Quick Mode under way needs. */
export function giveToHeir(sa: Established): Given {
  return sa.heir === undefined ? { sa, effects: [] } : give(sa, neededHere(sa));
}

/** Its time is over: what is left is handed over. */
export function closeReplaced(sa: Established, context: IkeContext): Step {
  const done = dropUnfinished(sa);
  const given = give(done.sa, new Set());
  const closed = closeAlone(given.sa, "rekeyed", context);
  return { sa: closed.sa, effects: [...done.effects, ...given.effects, ...closed.effects] };
}

/**
 * Inbound SPIs of what Quick Modes make and of what that replaces: when the old one goes, the new
 * one has to send, so one ISAKMP SA keeps both.
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
  return needed;
}

function give(sa: Established, kept: ReadonlySet<number>): Given {
  const { heir } = sa;
  const children = sa.children.filter(({ spiIn }) => !kept.has(spiIn));
  if (heir === undefined || children.length === 0) return { sa, effects: [] };
  const { spi, until } = heir;
  const pairs = children.map(({ spiIn, spiOut }) => ({ spiIn, spiOut }));
  const left = sa.children.filter((child) => !children.includes(child));
  return {
    sa: { ...sa, heir: { spi, until, given: [...heir.given, ...pairs] }, children: left },
    effects: [{ kind: "hand-over", to: spi, children }],
  };
}
