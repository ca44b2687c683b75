/** What an established IKE SA does with the messages of its peer (RFC 7296 §2.3, §2.21). */

import { never } from "../../octets/assert.ts";
import { later } from "../../octets/instant.ts";
import type { IkeHeader } from "../../wire/header.ts";
import { ExchangeType } from "../../wire/v2/exchange-type.ts";
import type { Payload } from "../../wire/v2/message.ts";
import type { IkeContext } from "../effect.ts";
import { NOTICE_MS } from "../limits.ts";
import type { Refusal } from "../refusal.ts";
import { answerAndEnd, failedNote, refuse, refusedNote } from "./answer.ts";
import { onWrongAnswer } from "./child-setback.ts";
import { onCreateChildSaRequest } from "./create-child-sa.ts";
import { onChildResponse } from "./create-child-sa-request.ts";
import type { Established } from "./established-phase.ts";
import { unreadableOf, unreadableRefusal } from "./find-payload.ts";
import { failFollowup, takeFollowup } from "./finish-followup.ts";
import { isTooEarly, onHeldRequest } from "./first-child.ts";
import { onInformationalRequest } from "./informational.ts";
import {
  counted,
  type MessageDuties,
  type MessageEvent,
  takeMessage,
} from "./known-peer-message.ts";
import { askIfSilent } from "./liveness.ts";
import { onRoutability } from "./mobike.ts";
import { notifyFor } from "./notify.ts";
import type { Read } from "./protect.ts";
import { onIkeResponse, onWrongIkeAnswer } from "./rekey-ike-sa-request.ts";
import { onFollowupRequest } from "./serve-followup.ts";
import type { Step } from "./step.ts";
import { addTask } from "./tasks.ts";

/** A message that carries our SPI. */
export function onMessageEstablished(
  sa: Established,
  event: MessageEvent,
  context: IkeContext,
): Step {
  if (isTooEarly(sa, event.header, context.now)) return { sa, effects: [] };
  return takeMessage(sa, event, DUTIES, context);
}

const DUTIES: MessageDuties = {
  onForged,
  onOutOfWindow,
  onRequest: serveRequest,
  onAnswer: takeAnswer,
};

/**
 * Nothing proves who sent it. INVALID_IKE_SPI may come from a peer that has lost its state: reason
 * enough to ask the peer, not to believe it (§2.21.4).
 */
function onForged(sa: Established, { header, octets }: MessageEvent, context: IkeContext): Step {
  const isHint = header.flags.response && header.nextPayload === NOTIFY && octets.length < HINT_MAX;
  if (isHint && context.now >= sa.timers.noticeAt) {
    const noticeAt = later(context.now, NOTICE_MS);
    const noted = { ...sa, timers: { ...sa.timers, noticeAt } };
    return { sa: askIfSilent(noted, context), effects: [] };
  }
  return counted(sa, "messages_bad_icv");
}

const NOTIFY = 41;
const HINT_MAX = 64;

/** The next request of the peer. */
export function serveRequest(
  sa: Established,
  header: IkeHeader,
  opened: Read,
  context: IkeContext,
): Step {
  if (sa.serving?.kind === "ike-auth-held") {
    return onHeldRequest(sa, sa.serving, { header, opened }, context);
  }
  if (opened.kind === "faulty") {
    const { refusal } = opened;
    // One message that cannot be understood is refused; the IKE SA goes on (§2.5).
    if (refusal.kind === "unsupported-critical") return refuse(sa, header, refusal, context);
    return refuseSyntax(sa, header, refusal, context);
  }
  switch (header.exchangeType) {
    case ExchangeType.CREATE_CHILD_SA:
      return onCreateChildSaRequest(sa, header, opened.payloads, context);
    case ExchangeType.IKE_FOLLOWUP_KE:
      return onFollowupRequest(sa, header, opened.payloads, context);
    case ExchangeType.INFORMATIONAL: {
      const unreadable = unreadableOf(opened.payloads, "DELETE");
      if (unreadable !== undefined) {
        // We cannot tell which SAs the peer has just deleted.
        return refuseSyntax(sa, header, unreadableRefusal(unreadable, "INFORMATIONAL"), context);
      }
      return onInformationalRequest(sa, header, opened.payloads, context);
    }
    default: {
      const where = "IKE header";
      const detail = `exchange type ${header.exchangeType} in an established IKE SA`;
      return refuseSyntax(sa, header, { kind: "malformed", where, detail }, context);
    }
  }
}

/** An authentic request that is malformed is answered, and ends the IKE SA (§2.21.3). */
function refuseSyntax(
  sa: Established,
  header: IkeHeader,
  refusal: Refusal,
  context: IkeContext,
): Step {
  const notice = notifyFor(refusal);
  const payloads = notice === undefined ? [] : [notice];
  const reason = { kind: "refused", refusal } as const;
  const ended = answerAndEnd(sa, header, { payloads, reason }, context);
  return { sa: ended.sa, effects: [failedNote("INFORMATIONAL", refusal), ...ended.effects] };
}

/** A request outside the window: the peer is told, but not too often (§2.3). */
function onOutOfWindow(sa: Established, header: IkeHeader, context: IkeContext): Step {
  const isOld = header.messageId < sa.inbound.nextId;
  if (isOld || context.now < sa.timers.noticeAt) {
    return counted(sa, "messages_out_of_window");
  }
  const timers = { ...sa.timers, noticeAt: later(context.now, NOTICE_MS) };
  const { messageId } = header;
  const told = addTask({ ...sa, timers }, { kind: "invalid-message-id", messageId });
  return counted(told, "messages_out_of_window");
}

/** The answer to our request. */
export function takeAnswer(sa: Established, read: Read, context: IkeContext): Step {
  return read.kind === "faulty"
    ? onFaultyAnswer(sa, read.refusal, context)
    : onWholeAnswer(sa, read.payloads, context);
}

function onWholeAnswer(sa: Established, payloads: readonly Payload[], context: IkeContext): Step {
  const { asking } = sa;
  if (asking === undefined) return { sa, effects: [] };
  const free: Established = { ...sa, asking: undefined };
  switch (asking.kind) {
    case "informational":
    case "delete-children":
      return { sa: free, effects: [] };
    case "routability":
      return onRoutability(free, asking, payloads);
    case "child-response":
      return onChildResponse(sa, asking, payloads, context);
    case "ike-response":
      return onIkeResponse(sa, asking, payloads, context);
    case "followup-response":
      return takeFollowup(sa, asking, payloads, context);
    case "child-public-value":
    case "child-shared-secret":
    case "child-install":
    case "ike-public-value":
    case "ike-shared-secret":
    case "followup-public-value":
    case "followup-shared-secret":
      return { sa, effects: [] };
    default:
      return never(asking);
  }
}

/**
 * An answer that cannot be read: our request has failed. The answer is authentic, so the peer is
 * still there, and the IKE SA stays.
 */
function onFaultyAnswer(sa: Established, refusal: Refusal, context: IkeContext): Step {
  const { asking } = sa;
  const free: Established = { ...sa, asking: undefined };
  switch (asking?.kind) {
    case "child-response":
      return onWrongAnswer(free, asking.ask, refusal, context);
    case "ike-response":
      return onWrongIkeAnswer(sa, asking.ask, refusal, context);
    case "followup-response": {
      const setback = { kind: "wrong-answer" } as const;
      return failFollowup(sa, asking.followup, { setback, refusal }, context);
    }
    default:
      return { sa: free, effects: [refusedNote("INFORMATIONAL", refusal)] };
  }
}
