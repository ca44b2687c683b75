/** Whether the peer is alive, and whether its Child SAs are used (RFC 7296 §2.4; R13). */

import { type Instant, later } from "../../octets/instant.ts";
import type { IkeContext } from "../effect.ts";
import type { IkeEvent } from "../event.ts";
import { close } from "./delete.ts";
import type { Established } from "./established-phase.ts";
import { awaitsAuthResponse } from "./first-child.ts";
import type { Step } from "./step.ts";
import { addTask } from "./tasks.ts";

/** When to check a silent peer; undefined: never, or something under way shows it anyway. */
export function livenessAt(sa: Established): Instant | undefined {
  const { livenessMs } = sa.settings;
  if (livenessMs === undefined || sa.outbound.inFlight !== undefined) return undefined;
  const isBusy = sa.asking !== undefined || awaitsAuthResponse(sa);
  if (isBusy || sa.usage.ticket !== undefined) return undefined;
  return later(sa.heardAt, livenessMs);
}

/** Asks for the traffic first: packets of the Child SAs prove as much as an answer. */
export function checkLiveness(sa: Established, context: IkeContext): Step {
  if (sa.children.length === 0) return { sa: addTask(sa, { kind: "liveness" }), effects: [] };
  return probe(sa, context);
}

/** The peer may be gone: it is asked, unless it was heard a moment ago. */
export function askIfSilent(sa: Established, context: IkeContext): Established {
  const isFresh = context.now < later(sa.heardAt, FRESH_MS);
  return isFresh ? sa : addTask(sa, { kind: "liveness" });
}

const FRESH_MS = 1_000;

/** Asks the kernel what the Child SAs have carried, unless that question is under way. */
export function probe(sa: Established, context: IkeContext): Step {
  if (sa.usage.ticket !== undefined) return { sa, effects: [] };
  const ticket = context.ticket();
  const usage = { ...sa.usage, ticket };
  return { sa: { ...sa, usage }, effects: [{ kind: "probe-usage", ticket }] };
}

/** The kernel's answer: shows whether the peer is alive and the Child SAs are used. */
export function onUsage(
  sa: Established,
  event: Extract<IkeEvent, { kind: "usage" }>,
  context: IkeContext,
): Step {
  const { usage, settings } = sa;
  if (usage.ticket !== event.ticket) return { sa, effects: [] };
  const { now } = context;
  const { hasReceived } = event;
  const movedAt = hasReceived || event.hasSent ? now : usage.movedAt;
  const heardAt = hasReceived ? now : sa.heardAt;
  const seen: Established = { ...sa, heardAt, usage: { movedAt, ticket: undefined } };
  const { inactivityMs } = settings;
  if (inactivityMs !== undefined && now >= later(movedAt, inactivityMs)) {
    return close(seen, "inactive", context);
  }
  const { livenessMs } = settings;
  const isSilent = livenessMs !== undefined && now >= later(heardAt, livenessMs);
  return { sa: isSilent ? addTask(seen, { kind: "liveness" }) : seen, effects: [] };
}

/** How often traffic is polled. An unused IKE SA may live longer by this much. */
export function inactivityStepMs(inactivityMs: number): number {
  return Math.max(1_000, Math.round(inactivityMs / 8));
}
