/** What the Child SAs have carried: the kernel knows (R13). */

import { later } from "../../octets/instant.ts";
import type { IkeContext } from "../effect.ts";
import type { IkeEvent } from "../event.ts";
import { close } from "./close.ts";
import { isSilent, sendProbe } from "./dpd.ts";
import type { Established } from "./established-phase.ts";
import type { Step } from "./step.ts";

/** Asks the kernel, unless that question is under way. */
export function probeUsage(sa: Established, context: IkeContext): Step {
  if (sa.usage.ticket !== undefined) return { sa, effects: [] };
  const ticket = context.ticket();
  const usage = { movedAt: sa.usage.movedAt, ticket };
  return { sa: { ...sa, usage }, effects: [{ kind: "probe-usage", ticket }] };
}

/** The kernel's answer: shows whether the peer is alive and the Child SAs are used. */
export function onUsage(
  sa: Established,
  event: Extract<IkeEvent, { kind: "usage" }>,
  context: IkeContext,
): Step {
  if (sa.usage.ticket !== event.ticket) return { sa, effects: [] };
  const { now } = context;
  const movedAt = event.hasReceived || event.hasSent ? now : sa.usage.movedAt;
  const heardAt = event.hasReceived ? now : sa.heardAt;
  const seen: Established = { ...sa, heardAt, usage: { movedAt, ticket: undefined } };
  const { inactivityMs } = sa.settings;
  if (inactivityMs !== undefined && now >= later(movedAt, inactivityMs)) {
    return close(seen, "inactive", context);
  }
  return isSilent(seen, now) ? sendProbe(seen, context) : { sa: seen, effects: [] };
}

/** How often traffic is polled. An unused ISAKMP SA may live longer by this much. */
export function inactivityStepMs(inactivityMs: number): number {
  return Math.max(1_000, Math.round(inactivityMs / 8));
}
