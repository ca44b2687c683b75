/** What happens to an ISAKMP SA that we begin, until both ends are authenticated. */

import type { Instant } from "../../octets/instant.ts";
import type { IkeContext } from "../effect.ts";
import type { Call, IkeEvent } from "../event.ts";
import {
  callAggressive,
  onAggressiveAnswer,
  onAggressiveDerived,
  onAggressiveOffered,
} from "./aggressive-mode-call.ts";
import { endCall, type MessageEvent, nextCopy } from "./calling.ts";
import type { InitiatorPhase } from "./initiator-phase.ts";
import {
  callMain,
  onMainAnswer,
  onMainDerived,
  onMainOffered,
  onMainProof,
  onMainPublicValue,
} from "./main-mode-call.ts";
import type { Step } from "./step.ts";

/** Calls a site in the mode of Phase 1 that the call names. */
export function beginCall(call: Call, context: IkeContext): Step {
  return call.phase1 === "main" ? callMain(call, context) : callAggressive(call, context);
}

/** A message from the site, or from somebody else: nothing says so yet. */
export function onMessageCalling(
  sa: InitiatorPhase,
  event: MessageEvent,
  context: IkeContext,
): Step {
  switch (sa.phase) {
    case "call-aggressive-asked":
      return onAggressiveAnswer(sa, event, context);
    case "call-main-asked":
      return onMainAnswer(sa, event, context);
    case "call-main-sent-ke":
      return onMainPublicValue(sa, event, context);
    case "call-main-proving":
      return onMainProof(sa, event, context);
    default:
      // We are at work on an earlier answer.
      return { sa, effects: [] };
  }
}

/** A step of our key exchange is done, or could not be. */
export function onKeyExchangeCalling(
  sa: InitiatorPhase,
  { ticket, result }: Extract<IkeEvent, { kind: "key-exchange-answer" }>,
  context: IkeContext,
): Step {
  if (!("ticket" in sa) || sa.ticket !== ticket) return { sa, effects: [] };
  switch (sa.phase) {
    case "call-aggressive-offering":
      return onAggressiveOffered(sa, result, context);
    case "call-aggressive-deriving":
      return onAggressiveDerived(sa, result, context);
    case "call-main-offering":
      return onMainOffered(sa, result, context);
    case "call-main-deriving":
      return onMainDerived(sa, result, context);
  }
}

/** When there is something to do. */
export function deadlineOfCall(sa: InitiatorPhase): Instant {
  return "sent" in sa ? sa.sent.retransmitAt : sa.expireAt;
}

/** Sends the next copy of the message in flight, or gives up. */
export function onDeadlineCalling(sa: InitiatorPhase, context: IkeContext): Step {
  if (context.now < deadlineOfCall(sa)) return { sa, effects: [] };
  if (!("sent" in sa)) return endCall(sa, LATE_KEY_EXCHANGE);
  const sent = nextCopy(sa.call, sa.sent, context);
  if (sent === undefined) {
    return endCall(sa, sa.hint ?? { kind: "no-answer", detail: NO_ANSWER[sa.phase] });
  }
  return {
    sa: { ...sa, sent },
    effects: [
      { kind: "count", counter: "retransmissions" },
      { kind: "send", octets: sent.octets, path: sa.path },
    ],
  };
}

const LATE_KEY_EXCHANGE = {
  kind: "half-open-timeout",
  detail: "our own key exchange did not finish in time",
} as const;

const NO_ANSWER: Readonly<Record<Extract<InitiatorPhase, { sent: unknown }>["phase"], string>> = {
  "call-aggressive-asked":
    "the site did not answer Aggressive Mode of IKEv1: is it up, is UDP 500 open, does it know " +
    "our ID?",
  "call-main-asked":
    "the site did not answer Main Mode of IKEv1: is it up, is UDP 500 open, does it know our " +
    "address?",
  "call-main-sent-ke": "the site answered our first message of Main Mode, but not our second one",
  "call-main-proving":
    "the site did not answer our proof: it may have another pre-shared key, or UDP 4500 is shut",
};
