/** How long each phase waits, and what happens when its time is over. */

import { never } from "../../octets/assert.ts";
import { type Instant, later } from "../../octets/instant.ts";
import type { IkeContext } from "../effect.ts";
import { LINGER_MS } from "../limits.ts";
import type { Refusal } from "../refusal.ts";
import { endCall, failedNote, sends } from "./answer.ts";
import { forget } from "./delete.ts";
import { deadlineOfEstablished, onDeadlineEstablished } from "./established-deadlines.ts";
import type { IkeSa } from "./every-phase.ts";
import type { HalfOpen } from "./half-open.ts";
import { endUnanswered } from "./hold-auth.ts";
import { reject } from "./ike-auth-request.ts";
import type { AwaitingInitResponse, AwaitingResponse, Initiating } from "./initiator-phase.ts";
import { deadlineOfReplaced, onDeadlineReplaced } from "./replaced.ts";
import { retransmission } from "./request.ts";
import type { Responding } from "./responder-phase.ts";
import { MESSAGES_OF } from "./round.ts";
import { wipeSecrets } from "./secrets.ts";
import type { Step } from "./step.ts";
import { unwelcomeRefusal } from "./unwelcome.ts";

/** When the event `deadline` is due; undefined if the phase waits for no instant. */
export function deadlineOf(sa: IkeSa): Instant | undefined {
  switch (sa.phase) {
    case "awaiting-key-exchange":
      return sa.expireAt;
    case "responding":
      return sa.expireAt;
    case "initiating":
      return sa.round?.awaits === "response" ? sa.round.inFlight.retransmitAt : sa.round?.expireAt;
    case "refusing":
      return sa.answerAt;
    case "awaiting-public-value":
    case "awaiting-shared-secret":
      return undefined;
    case "awaiting-init-response":
    case "closing":
      return sa.inFlight.retransmitAt;
    case "established":
      return deadlineOfEstablished(sa);
    case "replaced":
      return deadlineOfReplaced(sa);
    case "ended":
      return sa.forgetAt;
    default:
      return never(sa);
  }
}

/** The event `deadline`, which may come late. */
export function onDeadline(sa: IkeSa, context: IkeContext): Step {
  const due = deadlineOf(sa);
  if (due === undefined || context.now < due) return { sa, effects: [] };
  switch (sa.phase) {
    case "awaiting-key-exchange":
      return timedOut(sa, LATE_KEY_EXCHANGE.detail);
    case "responding":
      return onDeadlineResponding(sa);
    case "initiating":
      return onDeadlineInitiating(sa, context);
    case "refusing": {
      const { id, path, messageId, response } = sa;
      const forgetAt = later(context.now, LINGER_MS);
      return {
        sa: { phase: "ended", id, path, messageId, response, forgetAt },
        effects: sends(response, path),
      };
    }
    case "awaiting-public-value":
    case "awaiting-shared-secret":
      return { sa, effects: [] };
    case "awaiting-init-response":
      return initAgain(sa, context);
    case "established":
      return onDeadlineEstablished(sa, context);
    case "replaced":
      return onDeadlineReplaced(sa, context);
    case "closing": {
      const inFlight = retransmission(sa.inFlight, sa.retransmission, context);
      if (inFlight === undefined) return forget(sa);
      return { sa: { ...sa, inFlight }, effects: sends(inFlight.datagrams, sa.path) };
    }
    case "ended":
      return { sa: undefined, effects: [] };
    default:
      return never(sa);
  }
}

const LATE_KEY_EXCHANGE = {
  kind: "half-open-timeout",
  detail: "our own key exchange did not finish in time",
} as const;

const LATE_SIGNATURE = {
  kind: "half-open-timeout",
  detail: "a signature was not made or verified in time",
} as const;

/** The negotiation's time is over: what it was waiting for has not arrived. */
function onDeadlineResponding(sa: Responding): Step {
  const { half, round } = sa;
  switch (round.awaits) {
    case "request":
      return timedOut(sa, `no ${nameOf(half)} request followed ${beforeOf(half)}`, half);
    case "key-exchange":
      return timedOut(sa, LATE_KEY_EXCHANGE.detail);
    case "repeat":
      return endUnanswered(sa, round.held);
    case "ppks":
    case "credentials":
      return timedOut(sa, "the look-up did not finish in time");
    case "verification":
    case "signature":
      return timedOut(sa, LATE_SIGNATURE.detail);
    default:
      return never(round);
  }
}

function onDeadlineInitiating(sa: Initiating, context: IkeContext): Step {
  const { round } = sa;
  switch (round?.awaits) {
    case "public-value":
    case "shared-secret":
      return endCall(sa, LATE_KEY_EXCHANGE);
    case "signature":
      return endCall(sa, LATE_SIGNATURE);
    case "verification":
      return reject(sa, LATE_SIGNATURE, context);
    case "response":
      return requestAgain(sa, round, context);
    case undefined:
      return { sa, effects: [] };
    default:
      return never(round);
  }
}

/** Sends the next copy of IKE_SA_INIT, or gives up. */
function initAgain(sa: AwaitingInitResponse, context: IkeContext): Step {
  const settings = sa.calling.call.credentials.settings.retransmission;
  const inFlight = retransmission(sa.inFlight, settings, context);
  if (inFlight !== undefined) {
    return { sa: { ...sa, inFlight }, effects: sends(inFlight.datagrams, sa.path) };
  }
  const detail = "the site did not answer IKE_SA_INIT: is it up, is UDP 500 open?";
  return endCall(sa, sa.hint ?? { kind: "no-answer", detail });
}

/** Sends the next copy of a round's request, or gives up. */
function requestAgain(sa: Initiating, round: AwaitingResponse, context: IkeContext): Step {
  const settings = sa.call.credentials.settings.retransmission;
  const inFlight = retransmission(round.inFlight, settings, context);
  if (inFlight !== undefined) {
    const { datagrams } = inFlight;
    return { sa: { ...sa, round: { ...round, inFlight } }, effects: sends(datagrams, sa.path) };
  }
  const detail = `the site did not answer ${nameOf(sa.half)}: is UDP 4500 open?`;
  return endCall(sa, { kind: "no-answer", detail });
}

/** The exchange of the present round. */
function nameOf({ rounds }: HalfOpen): string {
  return MESSAGES_OF[rounds[0].kind].step;
}

/** The exchange before it; the port changes after the first one (RFC 7296 §2.23). */
function beforeOf({ transcript }: HalfOpen): string {
  return transcript.intermediate === undefined
    ? "IKE_SA_INIT: is UDP 4500 open?"
    : "IKE_INTERMEDIATE";
}

function timedOut(sa: IkeSa, detail: string, half?: HalfOpen): Step {
  const unwelcome = half === undefined ? undefined : unwelcomeRefusal(half.fragments);
  wipeSecrets(sa);
  const refusal: Refusal = unwelcome ?? { kind: "half-open-timeout", detail };
  return {
    sa: undefined,
    effects: [
      failedNote("half" in sa ? MESSAGES_OF[sa.half.rounds[0].kind].step : "IKE_SA_INIT", refusal),
      { kind: "ended", reason: { kind: "refused", refusal } },
    ],
  };
}
