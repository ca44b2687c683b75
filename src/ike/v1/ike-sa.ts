/** One ISAKMP SA: the only place that branches on both phase and event (RFC 2409 §4, §5). */

import { equalEndpoint } from "../../inet/endpoint.ts";
import { never } from "../../octets/assert.ts";
import { later } from "../../octets/instant.ts";
import type { Reason } from "../../reason/reason.ts";
import type { IkeContext } from "../effect.ts";
import type { IkeEvent } from "../event.ts";
import { REPLACED_MS, SUPERSEDED_MS } from "../limits.ts";
import { onCredentials, onKeyExchange, onMessage } from "./aggressive-mode.ts";
import { childrenDown, okNote } from "./answer.ts";
import { close, closeChild } from "./close.ts";
import { onDeadline, watchChildless } from "./deadlines.ts";
import { awaitsSign, sendProbe } from "./dpd.ts";
import { onMessageEstablished } from "./established-message.ts";
import type { Established } from "./established-phase.ts";
import type { IkeSa } from "./every-phase.ts";
import { sayGone } from "./farewell.ts";
import { inFragments, isFragment, takeFragment } from "./fragmentation.ts";
import { giveToHeir } from "./heir.ts";
import { deleted, deletedByPeer } from "./informational.ts";
import { onKeyExchangeCalling, onMessageCalling, onSignatureCalling } from "./initiating.ts";
import { isCalling } from "./initiator-phase.ts";
import { onMainCredentials, onMainId, onMainKe, onMainKeyExchange } from "./main-mode.ts";
import { stepSigned } from "./main-mode-signed.ts";
import { onMessageProving, onPassword } from "./proving-user.ts";
import { isPushing } from "./push.ts";
import { onQuickInstalled, onQuickKeyExchange } from "./quick-mode.ts";
import {
  askForChildren,
  onDerived,
  onGrantedInstalled,
  onOffered,
  rekeyChild,
} from "./quick-mode-request.ts";
import { quickModeWaiting } from "./quick-modes.ts";
import type { ResponderPhase } from "./responder-phase.ts";
import { wipeSecrets } from "./secrets.ts";
import { isSigned } from "./signed-phase.ts";
import type { IkeEffect, Step } from "./step.ts";
import { onUsage } from "./usage.ts";

/** Handles one event. An event that does not fit the phase changes nothing. */
export function step(sa: IkeSa, event: IkeEvent, context: IkeContext): Step {
  if (event.kind !== "message" || !isFragment(event.header)) {
    return inFragments(sa, handle(sa, event, context));
  }
  const taken = takeFragment(sa, event, context);
  if (taken.kind === "done") return taken.step;
  return inFragments(sa, handle(taken.sa, taken.event, context));
}

/** No message is a fragment here. */
function handle(sa: IkeSa, event: IkeEvent, context: IkeContext): Step {
  const done = sa.phase === "established" ? take(sa, event, context) : begin(sa, event, context);
  if (done.sa?.phase !== "established") return done;
  const given = giveToHeir(done.sa);
  return {
    sa: watchChildless(given.sa, context.now),
    effects: [...done.effects, ...given.effects],
  };
}

/** Until both ends are authenticated. */
function begin(sa: Exclude<IkeSa, Established>, event: IkeEvent, context: IkeContext): Step {
  const signed = isSigned(sa) ? stepSigned(sa, event, context) : undefined;
  if (signed !== undefined) return signed;
  switch (event.kind) {
    case "message":
      return isCalling(sa)
        ? onMessageCalling(sa, event, context)
        : onMessageOfPhase1(sa, event, context);
    case "credentials":
      if (!("ticket" in sa) || sa.ticket !== event.ticket) return same(sa);
      if (sa.phase === "awaiting-credentials") return onCredentials(sa, event.result, context);
      if (sa.phase !== "main-awaiting-credentials") return same(sa);
      return onMainCredentials(sa, event.result, context);
    case "key-exchange-answer":
      if (isCalling(sa)) return onKeyExchangeCalling(sa, event, context);
      if (!("ticket" in sa) || sa.ticket !== event.ticket) return same(sa);
      if (sa.phase === "awaiting-key-exchange") return onKeyExchange(sa, event.result, context);
      return sa.phase === "main-exchanging"
        ? onMainKeyExchange(sa, event.result, context)
        : same(sa);
    case "signature-answer":
      return isCalling(sa) ? onSignatureCalling(sa, event, context) : same(sa);
    case "password-answer":
      return sa.phase === "proving-user" ? onPassword(sa, event, context) : same(sa);
    case "deadline":
      return onDeadline(sa, context);
    case "close":
    case "drop":
      return end(sa, [], event.why);
    default:
      return same(sa);
  }
}

function onMessageOfPhase1(
  sa: ResponderPhase,
  event: Extract<IkeEvent, { kind: "message" }>,
  context: IkeContext,
): Step {
  switch (sa.phase) {
    case "awaiting-proof":
      return onMessage(sa, event, context);
    case "main-awaiting-ke":
      return onMainKe(sa, event, context);
    case "main-awaiting-id":
      return onMainId(sa, event, context);
    case "proving-user":
      return onMessageProving(sa, event, context);
    default:
      // A repeat of a message that is being worked on gets its answer later.
      return same(sa);
  }
}

function take(sa: Established, event: IkeEvent, context: IkeContext): Step {
  switch (event.kind) {
    case "message":
      return onMessageEstablished(sa, event, context);
    case "key-exchange-answer":
      return onKeyExchangeAnswer(sa, event, context);
    case "child-installed":
      return onInstalled(sa, event, context);
    case "usage":
      return onUsage(sa, event, context);
    case "deadline":
      return onDeadline(sa, context);
    case "close":
      return close(sa, event.why, context);
    case "drop":
      return end(sa, childrenDown(sa, event.why), event.why);
    case "rekey-child":
      return rekeyChild(sa, event.spiIn, context);
    case "new-child":
      return sa.heir === undefined && !isPushing(sa)
        ? askForChildren(sa, event, context)
        : same(sa);
    case "close-child":
      return onExpired(sa, event.spiIn, context);
    case "check-liveness": {
      const isFresh = !awaitsSign(sa) && context.now < later(sa.heardAt, FRESH_MS);
      return isFresh ? same(sa) : sendProbe(sa, context);
    }
    default:
      return change(sa, event, context);
  }
}

type Change = Exclude<
  IkeEvent,
  {
    kind:
      | ("message" | "key-exchange-answer" | "child-installed" | "usage" | "deadline")
      | ("close" | "drop" | "rekey-child" | "new-child" | "close-child" | "check-liveness");
  }
>;

/** What others have decided about it. */
function change(sa: Established, event: Change, context: IkeContext): Step {
  switch (event.kind) {
    case "terms": {
      const { policy, settings } = event.terms;
      return { sa: { ...sa, policy, settings }, effects: [] };
    }
    case "peer-moved": {
      if (equalEndpoint(sa.path.remote, event.remote)) return same(sa);
      const path = { local: sa.path.local, remote: event.remote };
      return { sa: { ...sa, path }, effects: [{ kind: "moved" }] };
    }
    case "adopt":
      return { sa: { ...sa, children: [...event.children, ...sa.children] }, effects: [] };
    case "stand-down": {
      const heir = { spi: event.to, until: later(context.now, REPLACED_MS), given: [] };
      return { sa: { ...sa, heir }, effects: [] };
    }
    case "needed": {
      const timers = { ...sa.timers, redundant: undefined };
      return { sa: { ...sa, heir: undefined, timers }, effects: [] };
    }
    case "redundant": {
      const { why } = event;
      const ms = why === "redundant" ? REPLACED_MS : SUPERSEDED_MS;
      const redundant = { at: later(context.now, ms), why };
      return { sa: { ...sa, timers: { ...sa.timers, redundant } }, effects: [] };
    }
    case "child-deleted": {
      const child = sa.children.find(({ spiIn }) => spiIn === event.spiIn);
      return child === undefined ? same(sa) : deletedByPeer(sa, child);
    }
    case "say-gone":
      return sayGone(sa, event.spis, context);
    case "peer-deleted":
      return deleted(sa);
    case "rekey-ike":
      return { sa, effects: [{ kind: "reauthenticate", why: "reauthentication" }] };
    case "credentials":
    case "signature-answer":
    case "password-answer":
    case "ppks":
    case "redirect":
    case "decided":
      return same(sa);
    default:
      return never(event);
  }
}

function onKeyExchangeAnswer(
  sa: Established,
  { ticket, result }: Extract<IkeEvent, { kind: "key-exchange-answer" }>,
  context: IkeContext,
): Step {
  const exchange = quickModeWaiting(sa, ticket);
  switch (exchange?.stage) {
    case "exchanging":
      return onQuickKeyExchange(sa, exchange, result, context);
    case "offering":
      return onOffered(sa, exchange, result, context);
    case "deriving":
      return onDerived(sa, exchange, result, context);
    default:
      return same(sa);
  }
}

function onInstalled(
  sa: Established,
  { ticket, result }: Extract<IkeEvent, { kind: "child-installed" }>,
  context: IkeContext,
): Step {
  const exchange = quickModeWaiting(sa, ticket);
  switch (exchange?.stage) {
    case "installing":
      return onQuickInstalled(sa, exchange, result, context);
    case "granted":
      return onGrantedInstalled(sa, exchange, result, context);
    default:
      return same(sa);
  }
}

/** The kernel has removed a Child SA at the end of its lifetime. */
function onExpired(sa: Established, spiIn: number, context: IkeContext): Step {
  const child = sa.children.find((one) => one.spiIn === spiIn);
  if (child === undefined) return same(sa);
  const gone = closeChild(sa, child, "expired", context);
  const note = okNote("INFORMATIONAL", "child-expired", EXPIRED);
  return { sa: gone.sa, effects: [...gone.effects, note] };
}

const EXPIRED = "the kernel has removed a Child SA at the end of its lifetime: nothing replaced it";

function end(sa: IkeSa, effects: readonly IkeEffect[], why: Reason): Step {
  wipeSecrets(sa);
  const reason = { kind: "we-deleted", why } as const;
  return { sa: undefined, effects: [...effects, { kind: "ended", reason }] };
}

function same(sa: IkeSa): Step {
  return { sa, effects: [] };
}

/** A peer that was heard so recently is not asked whether it is there. */
const FRESH_MS = 1_000;
