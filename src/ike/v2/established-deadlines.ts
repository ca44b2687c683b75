/** What an established IKE SA does at its instants: each duty with its time. */

import { type Instant, later } from "../../octets/instant.ts";
import type { ChildSa } from "../child-sa.ts";
import type { IkeContext } from "../effect.ts";
import { retryMs } from "../jitter.ts";
import { TASKS_MAX } from "../limits.ts";
import { childrenDown, sends } from "./answer.ts";
import { close, closeAs } from "./delete.ts";
import type { Established } from "./established-phase.ts";
import { endHeld } from "./first-child.ts";
import { withoutStale } from "./fragments.ts";
import { wipeIkeKeys } from "./keys.ts";
import { checkLiveness, inactivityStepMs, livenessAt, probe } from "./liveness.ts";
import { onRedundantDue } from "./redundant.ts";
import { retransmission } from "./request.ts";
import type { IkeEffect, Step } from "./step.ts";
import { addTask, dueTasks, tasksAt } from "./tasks.ts";
import { forgetUnfinished, wipeUnderWay } from "./unfinished.ts";

/** The earliest instant at which there is something to do. */
export function deadlineOfEstablished(sa: Established): Instant | undefined {
  const { timers, fragments } = sa;
  // One after another, without a list of them: this is asked after each event.
  let next = sa.outbound.inFlight?.retransmitAt ?? livenessAt(sa);
  next = earlier(earlier(next, timers.rekeyAt), timers.hardAt);
  next = earlier(earlier(next, timers.reauthAt), timers.inactivityAt);
  next = earlier(earlier(next, timers.keepaliveAt), timers.childlessAt);
  next = earlier(earlier(next, timers.redundant?.at), sa.unfinished?.until);
  next = earlier(earlier(next, fragments.request?.until), fragments.response?.until);
  next = earlier(earlier(next, sa.redirected?.until), heldUntil(sa));
  next = earlier(earlier(next, sa.undecidedUntil), tasksAt(sa));
  for (const { rekeyAt: childAt, redundantUntil } of sa.children) {
    next = earlier(earlier(next, childAt), redundantUntil);
  }
  return next;
}

/** Does everything that is due. */
export function onDeadlineEstablished(sa: Established, context: IkeContext): Step {
  const isDue = (at: Instant | undefined) => at !== undefined && context.now >= at;
  if (isDue(sa.outbound.inFlight?.retransmitAt)) {
    const again = repeat(sa, context);
    if (again.sa?.phase !== "established") return again;
    const rest = onTimers(again.sa, context);
    return { sa: rest.sa, effects: [...again.effects, ...rest.effects] };
  }
  return onTimers(sa, context);
}

/** A site that answers no request is gone. It gets no Delete: it would not answer it (§2.4). */
export function repeat(sa: Established, context: IkeContext): Step {
  const { nextId, inFlight: before } = sa.outbound;
  if (before === undefined) return { sa, effects: [] };
  const inFlight = retransmission(before, sa.settings.retransmission, context);
  if (inFlight === undefined) {
    const effects = childrenDown(sa, "peer-silent");
    wipeUnderWay(sa);
    wipeIkeKeys(sa.keys);
    const reason = { kind: "we-deleted", why: "peer-silent" } as const;
    return { sa: undefined, effects: [...effects, { kind: "ended", reason }] };
  }
  return {
    sa: { ...sa, outbound: { nextId, inFlight } },
    effects: [{ kind: "count", counter: "retransmissions" }, ...sends(inFlight.datagrams, sa.path)],
  };
}

function onTimers(sa: Established, context: IkeContext): Step {
  const { now } = context;
  const isDue = (at: Instant | undefined) => at !== undefined && now >= at;
  const { timers } = sa;
  const { redundant } = timers;
  if (sa.serving?.kind === "ike-auth-held" && isDue(heldUntil(sa))) return endHeld(sa, sa.serving);
  if (redundant !== undefined && isDue(redundant.at)) return close(sa, redundant.why, context);
  if (sa.redirected !== undefined && isDue(sa.redirected.until)) {
    return closeAs(sa, { kind: "redirected", to: sa.redirected.to }, context);
  }
  if (isDue(timers.childlessAt)) return close(sa, "childless", context);
  if (isDue(timers.hardAt)) return close(sa, "lifetime-over", context);
  if (isDue(timers.reauthAt) && !sa.isCaller) {
    return close(sa, "reauthentication-overdue", context);
  }
  const effects: IkeEffect[] = [];
  const tidy: Established = { ...sa, fragments: withoutStale(sa.fragments, now) };
  let at = isDue(sa.unfinished?.until) ? forgetUnfinished(tidy, context) : tidy;
  if (isDue(sa.undecidedUntil)) at = { ...at, undecidedUntil: undefined };
  if (isDue(tasksAt(at))) at = dueTasks(at, now);
  if (isDue(timers.rekeyAt)) {
    at = addTask({ ...at, timers: { ...at.timers, rekeyAt: undefined } }, { kind: "rekey-ike" });
  }
  if (isDue(timers.reauthAt)) {
    effects.push({ kind: "reauthenticate", why: "reauthentication" });
    at = { ...at, timers: { ...at.timers, reauthAt: undefined } };
  }
  if (isDue(timers.keepaliveAt)) {
    const keepaliveAt = later(now, sa.settings.natKeepaliveMs);
    effects.push({ kind: "keepalive" });
    at = { ...at, timers: { ...at.timers, keepaliveAt } };
  }
  const children = onChildTimers(at, isDue, context);
  effects.push(...children.effects);
  const looked = checkTraffic(children.sa, isDue, context);
  return { sa: looked.sa, effects: [...effects, ...looked.effects] };
}

function heldUntil({ serving }: Established): Instant | undefined {
  return serving?.kind === "ike-auth-held" ? serving.first.until : undefined;
}

function onChildTimers(
  sa: Established,
  isDue: (at: Instant | undefined) => boolean,
  context: IkeContext,
): { readonly sa: Established; readonly effects: readonly IkeEffect[] } {
  const effects: IkeEffect[] = [];
  let at = sa;
  for (const child of sa.children) {
    if (isDue(child.redundantUntil)) {
      const closed = onRedundantDue(at, child, context);
      effects.push(...closed.effects);
      if (closed.sa?.phase === "established") at = closed.sa;
    } else if (isDue(child.rekeyAt) && at.tasks.length >= TASKS_MAX) {
      // Too many are due at once: this one is tried again when some of them are done.
      const rekeyAt = later(context.now, retryMs(at.policy.lifetimeMs, context.random));
      at = { ...at, children: withRekeyAt(at.children, child, rekeyAt) };
    } else if (isDue(child.rekeyAt)) {
      const children = withRekeyAt(at.children, child, undefined);
      at = addTask({ ...at, children }, { kind: "rekey-child", spiIn: child.spiIn });
    }
  }
  return { sa: at, effects };
}

function withRekeyAt(
  children: readonly ChildSa[],
  { spiIn }: ChildSa,
  rekeyAt: Instant | undefined,
): readonly ChildSa[] {
  return children.map((other) => (other.spiIn === spiIn ? { ...other, rekeyAt } : other));
}

function checkTraffic(
  sa: Established,
  isDue: (at: Instant | undefined) => boolean,
  context: IkeContext,
): Step {
  const { inactivityMs } = sa.settings;
  if (isDue(sa.timers.inactivityAt) && inactivityMs !== undefined) {
    const inactivityAt = later(context.now, inactivityStepMs(inactivityMs));
    return probe({ ...sa, timers: { ...sa.timers, inactivityAt } }, context);
  }
  return isDue(livenessAt(sa)) ? checkLiveness(sa, context) : { sa, effects: [] };
}

function earlier(a: Instant | undefined, b: Instant | undefined): Instant | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a < b ? a : b;
}
