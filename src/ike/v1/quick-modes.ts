/** The Quick Modes of an ISAKMP SA: several at once, each with a message ID of its own. */

import type { Established } from "./established-phase.ts";
import type { QuickMode } from "./quick-mode-phase.ts";

/** So many are under way at once; further ones have to wait. */
export const QUICK_MODES_MAX = 32;

/** So many that are over are kept for repeats. */
const OVER_MAX = 16;

/** The one with this message ID. */
export function quickModeAt({ quickModes }: Established, messageId: number): QuickMode | undefined {
  return quickModes.find((one) => one.messageId === messageId);
}

/** The one that waits for this answer. */
export function quickModeWaiting(
  { quickModes }: Established,
  ticket: number,
): Extract<QuickMode, { ticket: unknown }> | undefined {
  for (const one of quickModes) {
    if ("ticket" in one && one.ticket === ticket) return one;
  }
  return undefined;
}

/** The inbound SPI of the Child SA that it replaces, as far as the exchange itself says so. */
export function replacedBy(exchange: QuickMode): number | undefined {
  if ("wish" in exchange) return exchange.wish.replaces?.spiIn;
  if ("plan" in exchange) return exchange.plan.replaces?.spiIn;
  return "child" in exchange ? exchange.child.replaces : undefined;
}

/** Its next stage; a new one is added. The oldest ones that are over are forgotten. */
export function replaceQuickMode(sa: Established, next: QuickMode): Established {
  const others = sa.quickModes.filter(({ messageId }) => messageId !== next.messageId);
  const all = [...others, next];
  const over = all.filter((one) => !isUnderWay(one));
  const dropped = new Set(over.slice(0, Math.max(0, over.length - OVER_MAX)));
  return { ...sa, quickModes: all.filter((one) => !dropped.has(one)) };
}

/** Without it: its message ID may come again. */
export function withoutQuickMode(
  sa: Established,
  { messageId }: Pick<QuickMode, "messageId">,
): Established {
  return {
    ...sa,
    quickModes: sa.quickModes.filter((one) => one.messageId !== messageId),
    usedIds: sa.usedIds.filter((id) => id !== messageId),
  };
}

/** How many are not over. */
export function quickModesUnderWay({ quickModes }: Established): number {
  return quickModes.filter(isUnderWay).length;
}

/** One that waits for CONNECTED still has something to do. */
function isUnderWay(one: QuickMode): boolean {
  return one.stage !== "over" || one.held !== undefined;
}
