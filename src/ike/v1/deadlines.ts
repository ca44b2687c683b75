/** What an ISAKMP SA does at its instants: each duty with its time. */

import { type Instant, later } from "../../octets/instant.ts";
import type { IkeContext } from "../effect.ts";
import { CHILDLESS_MS } from "../limits.ts";
import type { Refusal } from "../refusal.ts";
import { failedNote, refusedNote } from "./answer.ts";
import { close, closeAlone, closeChild } from "./close.ts";
import { release } from "./commit-bit.ts";
import { askAgain, lastOfOurPhase1, livenessAt, sendProbe } from "./dpd.ts";
import type { Established } from "./established-phase.ts";
import type { IkeSa } from "./every-phase.ts";
import { farewellAt, sayAgain } from "./farewell.ts";
import { deadlineOfCall, onDeadlineCalling } from "./initiating.ts";
import { isCalling } from "./initiator-phase.ts";
import { deadlineOfProving, onDeadlineProving } from "./proving-user.ts";
import { repeatPush } from "./push.ts";
import type { QuickMode } from "./quick-mode-phase.ts";
import { giveUp, rekeyChild } from "./quick-mode-request.ts";
import { replaceQuickMode } from "./quick-modes.ts";
import { modeOf, type ResponderPhase } from "./responder-phase.ts";
import { copyWaitMs } from "./retransmit.ts";
import { wipeSecrets } from "./secrets.ts";
import type { IkeEffect, Step } from "./step.ts";
import { inactivityStepMs, probeUsage } from "./usage.ts";

/** The earliest instant at which there is something to do. */
export function deadlineOf(sa: IkeSa): Instant | undefined {
  if (isCalling(sa)) return deadlineOfCall(sa);
  if (sa.phase === "proving-user") return deadlineOfProving(sa);
  if (sa.phase !== "established") return sa.expireAt;
  const { timers, heir, dpd, fragments, push } = sa;
  // After each message: without a list of them.
  let next = earlier(timers.hardAt, timers.rekeyAt);
  next = earlier(next, timers.inactivityAt);
  next = earlier(next, timers.keepaliveAt);
  next = earlier(next, timers.childlessAt);
  next = earlier(next, timers.redundant?.at);
  next = earlier(next, heir?.until);
  next = earlier(next, dpd.asked?.againAt);
  next = earlier(next, livenessAt(sa));
  next = earlier(next, fragments?.until);
  next = earlier(next, push?.sent?.retransmitAt);
  next = earlier(next, farewellAt(sa));
  for (const { rekeyAt, redundantUntil } of sa.children) {
    next = earlier(earlier(next, rekeyAt), redundantUntil);
  }
  for (const exchange of sa.quickModes) next = earlier(next, dueAt(exchange));
  return next;
}

/** When a Quick Mode has something to do by itself. */
function dueAt(exchange: QuickMode): Instant | undefined {
  if (exchange.stage === "over") return exchange.held?.until ?? exchange.forgetAt;
  return "sent" in exchange ? exchange.sent.retransmitAt : undefined;
}

/** Does everything that is due. */
export function onDeadline(sa: IkeSa, context: IkeContext): Step {
  if (sa.phase === "established") return onDeadlineEstablished(sa, context);
  if (isCalling(sa)) return onDeadlineCalling(sa, context);
  if (sa.phase === "proving-user") return onDeadlineProving(sa, context);
  return context.now >= sa.expireAt ? expire(sa) : { sa, effects: [] };
}

function expire(sa: ResponderPhase): Step {
  wipeSecrets(sa);
  const detail = DETAIL[sa.phase];
  const refusal: Refusal = { kind: "half-open-timeout", detail };
  const ended = { kind: "ended", reason: { kind: "refused", refusal } } as const;
  return { sa: undefined, effects: [failedNote(modeOf(sa), refusal), ended] };
}

const DETAIL: Readonly<Record<ResponderPhase["phase"], string>> = {
  "awaiting-credentials": "the look-up of its ID took too long",
  "awaiting-key-exchange": "the key exchange took too long",
  // The site checks our proof first, and with another key it says nothing that we could read.
  "awaiting-proof":
    "our answer went out, and the site did not go on: it may have another pre-shared key",
  "proving-user": "the site did not say who its user is",
  "main-awaiting-credentials": "the look-up of its address took too long",
  "main-awaiting-ke": "our first answer went out, the site's third message never came",
  "main-exchanging": "the key exchange took too long",
  "signed-awaiting-ke": "our first answer went out, the site's third message never came",
  "signed-exchanging": "the key exchange took too long",
  "signed-awaiting-id": "our second answer went out, the site's fifth message never came",
  "signed-awaiting-credentials": "the look-up of its ID took too long",
  "signed-verifying": "the check of its certificate took too long",
  "signed-signing": "our signature took too long",
  "main-awaiting-id": "our second answer went out, the site's fifth message never came",
};

type Duty = (sa: Established, context: IkeContext) => Step;

function onDeadlineEstablished(sa: Established, context: IkeContext): Step {
  let at: Established = sa;
  const effects: IkeEffect[] = [];
  for (const duty of DUTIES) {
    const done = duty(at, context);
    effects.push(...done.effects);
    if (done.sa?.phase !== "established") return { sa: done.sa, effects };
    at = done.sa;
  }
  return { sa: at, effects };
}

const DUTIES: readonly Duty[] = [
  endIfOver,
  forgetFragments,
  renew,
  repeatPush,
  sayAgain,
  runQuickModes,
  runChildren,
  keepAlive,
  watchPeer,
];

/**
 * The site is called anew: the new ISAKMP SA takes the Child SAs over. If nobody answers, it is
 * called again and again, until this one is over.
 */
function renew(sa: Established, context: IkeContext): Step {
  const { timers } = sa;
  if (!isDue(timers.rekeyAt, context)) return { sa, effects: [] };
  const isNeeded = sa.heir === undefined && timers.redundant === undefined;
  const rekeyAt = isNeeded ? later(context.now, RENEW_AGAIN_MS) : undefined;
  return {
    sa: { ...sa, timers: { ...timers, rekeyAt } },
    effects: isNeeded ? [{ kind: "reauthenticate", why: "reauthentication" }] : [],
  };
}

const RENEW_AGAIN_MS = 15_000;

/** The other fragments of the message never came. */
function forgetFragments(sa: Established, context: IkeContext): Step {
  const isOver = isDue(sa.fragments?.until, context);
  return { sa: isOver ? { ...sa, fragments: undefined } : sa, effects: [] };
}

function isDue(at: Instant | undefined, { now }: IkeContext): boolean {
  return at !== undefined && now >= at;
}

function endIfOver(sa: Established, context: IkeContext): Step {
  const { hardAt, redundant, childlessAt } = sa.timers;
  if (isDue(sa.heir?.until, context)) return closeAlone(sa, "rekeyed", context);
  if (redundant !== undefined && isDue(redundant.at, context)) {
    return close(sa, redundant.why, context);
  }
  if (isDue(childlessAt, context)) return close(sa, "childless", context);
  if (!isDue(hardAt, context)) return { sa, effects: [] };
  // A newer one has taken its place already.
  if (sa.heir !== undefined) return closeAlone(sa, "rekeyed", context);
  return closeAlone(sa, "lifetime-over", context);
}

function runQuickModes(sa: Established, context: IkeContext): Step {
  let at: Established = sa;
  const effects: IkeEffect[] = [];
  for (const exchange of sa.quickModes) {
    if (!isDue(dueAt(exchange), context)) continue;
    const done = onQuickModeDue(at, exchange, context);
    effects.push(...done.effects);
    if (done.sa?.phase === "established") at = done.sa;
  }
  return { sa: at, effects };
}

function onQuickModeDue(sa: Established, exchange: QuickMode, context: IkeContext): Step {
  if (exchange.stage === "over" && exchange.held !== undefined) {
    return release(sa, (one) => one === exchange);
  }
  if (exchange.stage === "over") {
    const quickModes = sa.quickModes.filter((one) => one !== exchange);
    return { sa: { ...sa, quickModes }, effects: [] };
  }
  if (exchange.stage !== "answered" && exchange.stage !== "asked") return { sa, effects: [] };
  const { octets, attempts } = exchange.sent;
  if (attempts >= sa.settings.retransmission.attemptsMax) {
    return exchange.stage === "answered"
      ? withdraw(sa, exchange, context)
      : giveUp(sa, exchange, { kind: "temporary-failure", detail: NO_ANSWER }, context);
  }
  const waitMs = copyWaitMs(sa.settings, attempts + 1, context);
  const retransmitAt = later(context.now, waitMs);
  const sent = { octets, attempts: attempts + 1, retransmitAt };
  return {
    sa: replaceQuickMode(sa, { ...exchange, sent }),
    effects: [
      { kind: "count", counter: "retransmissions" },
      ...lastOfOurPhase1(sa),
      { kind: "send", octets, path: sa.path },
    ],
  };
}

const NO_ANSWER = "the site does not answer";

/** The third message never came. The peer may have the Child SA all the same, and is told. */
function withdraw(
  sa: Established,
  exchange: Extract<QuickMode, { stage: "answered" }>,
  context: IkeContext,
): Step {
  const { messageId, digest, iv, spiIn } = exchange;
  const forgetAt = context.now;
  const over = {
    messageId,
    digest,
    iv,
    stage: "over",
    last: undefined,
    held: undefined,
    forgetAt,
  } as const;
  const next = replaceQuickMode(sa, over);
  const child = next.children.find((one) => one.spiIn === spiIn);
  const detail = "the third message of Quick Mode never came";
  const note = refusedNote("Quick Mode", { kind: "temporary-failure", detail });
  if (child === undefined) return { sa: next, effects: [note] };
  const gone = closeChild(next, child, "timeout", context);
  return { sa: gone.sa, effects: [...gone.effects, note] };
}

function runChildren(sa: Established, context: IkeContext): Step {
  let at: Established = sa;
  const effects: IkeEffect[] = [];
  for (const { spiIn } of sa.children) {
    const child = at.children.find((one) => one.spiIn === spiIn);
    if (child === undefined) continue;
    if (isDue(child.redundantUntil, context)) {
      const gone = closeChild(at, child, "rekeyed", context);
      effects.push(...gone.effects);
      at = gone.sa;
    } else if (isDue(child.rekeyAt, context)) {
      const asked = rekeyChild(at, spiIn, context);
      effects.push(...asked.effects);
      if (asked.sa?.phase === "established") at = asked.sa;
    }
  }
  return { sa: at, effects };
}

function keepAlive(sa: Established, context: IkeContext): Step {
  if (!isDue(sa.timers.keepaliveAt, context)) return { sa, effects: [] };
  const keepaliveAt = later(context.now, sa.settings.natKeepaliveMs);
  return {
    sa: { ...sa, timers: { ...sa.timers, keepaliveAt } },
    effects: [{ kind: "keepalive" }],
  };
}

function watchPeer(sa: Established, context: IkeContext): Step {
  const { inactivityMs } = sa.settings;
  if (isDue(sa.dpd.asked?.againAt, context)) return askAgain(sa, context);
  if (isDue(sa.timers.inactivityAt, context) && inactivityMs !== undefined) {
    const inactivityAt = later(context.now, inactivityStepMs(inactivityMs));
    return probeUsage({ ...sa, timers: { ...sa.timers, inactivityAt } }, context);
  }
  if (!isDue(livenessAt(sa), context)) return { sa, effects: [] };
  return sa.children.length === 0 ? sendProbe(sa, context) : probeUsage(sa, context);
}

/**
 * Starts a timer when there is no Child SA, and stops it when there is one: an ISAKMP SA that
 * carries nothing still occupies an eroute (R5).
 */
export function watchChildless(sa: Established, now: Instant): Established {
  const { childlessAt } = sa.timers;
  const isChildless = sa.children.length === 0 && sa.heir === undefined;
  if (isChildless === (childlessAt !== undefined)) return sa;
  const at = isChildless ? later(now, CHILDLESS_MS) : undefined;
  return { ...sa, timers: { ...sa.timers, childlessAt: at } };
}

function earlier(a: Instant | undefined, b: Instant | undefined): Instant | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a < b ? a : b;
}
