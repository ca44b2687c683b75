/** What happens to an ISAKMP SA that we begin, until both ends are authenticated. */

import type { Instant } from "../../octets/instant.ts";
import type { IkeContext } from "../effect.ts";
import type { Call, IkeEvent } from "../event.ts";
import type { Refusal } from "../refusal.ts";
import {
  callAggressive,
  onAggressiveAnswer,
  onAggressiveDerived,
  onAggressiveOffered,
} from "./aggressive-mode-call.ts";
import { endCall, endCallTelling, type MessageEvent, nextCopy } from "./calling.ts";
import type { InitiatorPhase } from "./initiator-phase.ts";
import {
  callMain,
  onMainAnswer,
  onMainDerived,
  onMainOffered,
  onMainProof,
  onMainPublicValue,
} from "./main-mode-call.ts";
import { onMainSigned, onMainSignedProof, onMainVerified } from "./main-mode-call-signed.ts";
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
    case "call-main-signed":
      return onMainSignedProof(sa, event, context);
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
    default:
      return { sa, effects: [] };
  }
}

/** A signature has been made or verified, or could not be. */
export function onSignatureCalling(
  sa: InitiatorPhase,
  { ticket, result }: Extract<IkeEvent, { kind: "signature-answer" }>,
  context: IkeContext,
): Step {
  if (!("ticket" in sa) || sa.ticket !== ticket) return { sa, effects: [] };
  switch (sa.phase) {
    case "call-main-signing":
      return onMainSigned(sa, result, context);
    case "call-main-verifying":
      return onMainVerified(sa, result, context);
    default:
      return { sa, effects: [] };
  }
}

/** When there is something to do. */
export function deadlineOfCall(sa: InitiatorPhase): Instant {
  return "sent" in sa ? sa.sent.retransmitAt : sa.expireAt;
}

/** Sends the next copy of the message in flight, or gives up. */
export function onDeadlineCalling(sa: InitiatorPhase, context: IkeContext): Step {
  if (context.now < deadlineOfCall(sa)) return { sa, effects: [] };
  if (!("sent" in sa)) return endLate(sa, context);
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

/** Work of our own takes too long. */
function endLate(sa: Exclude<InitiatorPhase, { sent: unknown }>, context: IkeContext): Step {
  switch (sa.phase) {
    case "call-main-signing":
      return endCall(sa, late("our own signature was not made in time"));
    case "call-main-verifying": {
      const refusal = late("the site's signature was not verified in time");
      return endCallTelling(sa, sa.iv, refusal, context);
    }
    default:
      return endCall(sa, late("our own key exchange did not finish in time"));
  }
}

function late(detail: string): Refusal {
  return { kind: "half-open-timeout", detail };
}

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
  "call-main-signed":
    "the site did not answer our signature: it may not accept our certificate, UDP 4500 may be " +
    "shut, or long messages may not get through (fragment_size)",
};
