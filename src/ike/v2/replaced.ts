/**
 * An IKE SA that a rekey has replaced (RFC 7296 §2.8). It answers the peer until it is deleted. If
 * both ends rekeyed at the same time, our own rekey may still be under way, and the IKE SA may get
 * its Child SAs back (§2.8.2).
 */

import type { Instant } from "../../octets/instant.ts";
import { wipe } from "../../octets/secret.ts";
import type { IkeHeader } from "../../wire/header.ts";
import { ExchangeType } from "../../wire/v2/exchange-type.ts";
import type { IkeContext } from "../effect.ts";
import type { IkeEvent } from "../event.ts";
import { answerAndEnd, refuse } from "./answer.ts";
import type { Asking, IkeAsk } from "./asking.ts";
import { close } from "./delete.ts";
import { onKeyExchangeEstablished } from "./established-answers.ts";
import { repeat } from "./established-deadlines.ts";
import { serveRequest, takeAnswer } from "./established-message.ts";
import type { Established, Replaced } from "./established-phase.ts";
import { unreadableOf } from "./find-payload.ts";
import { onFollowupResponse, wipeFollowup } from "./followup-request.ts";
import { deletesIke } from "./informational.ts";
import {
  counted,
  type MessageDuties,
  type MessageEvent,
  takeMessage,
} from "./known-peer-message.ts";
import type { Read } from "./protect.ts";
import { askForSecret } from "./rekey-ike-sa-request.ts";
import type { Step } from "./step.ts";

/** The result of a step of the former IKE SA: it stays replaced, unless it has ended. */
export function stillReplaced(sa: Replaced, { sa: next, effects }: Step): Step {
  if (next?.phase !== "established") return { sa: next, effects };
  return { sa: { phase: "replaced", former: next, until: sa.until }, effects };
}

/** A message with our SPI. */
export function onMessageReplaced(sa: Replaced, event: MessageEvent, context: IkeContext): Step {
  return stillReplaced(sa, takeMessage(sa.former, event, DUTIES, context));
}

const DUTIES: MessageDuties = {
  onForged: (sa) => counted(sa, "messages_bad_icv"),
  onOutOfWindow: (sa) => counted(sa, "messages_out_of_window"),
  onRequest,
  onAnswer,
};

/** It makes no new SAs, and a Delete is the expected end. */
function onRequest(sa: Established, header: IkeHeader, read: Read, context: IkeContext): Step {
  const { exchangeType } = header;
  if (read.kind === "whole" && exchangeType === ExchangeType.CREATE_CHILD_SA) {
    const detail = "this IKE SA has been rekeyed";
    return refuse(sa, header, { kind: "temporary-failure", detail }, context);
  }
  const isDelete =
    read.kind === "whole" &&
    exchangeType === ExchangeType.INFORMATIONAL &&
    unreadableOf(read.payloads, "DELETE") === undefined &&
    deletesIke(read.payloads);
  if (!isDelete) return serveRequest(sa, header, read, context);
  const reason = { kind: "replaced-by-rekey" } as const;
  return answerAndEnd(sa, header, { payloads: [], reason }, context);
}

function onAnswer(sa: Established, read: Read, context: IkeContext): Step {
  const { asking } = sa;
  if (asking?.kind === "followup-response") return onFollowupAnswer(sa, asking, read, context);
  if (asking?.kind !== "ike-response") return takeAnswer(sa, read, context);
  if (read.kind === "faulty") return giveUp(sa, asking.ask);
  const next = askForSecret(sa, asking, read.payloads, context);
  return next.ok ? next.value : giveUp(sa, asking.ask);
}

function onFollowupAnswer(
  sa: Established,
  asking: Extract<Asking, { kind: "followup-response" }>,
  read: Read,
  context: IkeContext,
): Step {
  const next =
    read.kind === "faulty" ? read : onFollowupResponse(sa, asking, read.payloads, context);
  if ("ok" in next && next.ok) return next.value;
  wipeFollowup(asking.followup);
  return giveUp(sa, asking.followup.grant.ask);
}

/** A public value or a shared secret is ready, or could not be made. */
export function onKeyExchangeReplaced(
  sa: Replaced,
  event: Extract<IkeEvent, { kind: "key-exchange-answer" }>,
  context: IkeContext,
): Step {
  const { former } = sa;
  const failed = event.result.ok ? undefined : ownRekey(former, event);
  const step =
    failed === undefined
      ? onKeyExchangeEstablished(former, event, context)
      : giveUp(former, failed);
  return stillReplaced(sa, step);
}

/** Our own rekey, if it waits for this answer. */
function ownRekey(
  { asking }: Established,
  { ticket }: Extract<IkeEvent, { kind: "key-exchange-answer" }>,
): Pick<IkeAsk, "privateOctets"> | undefined {
  if (asking === undefined || !("ticket" in asking) || asking.ticket !== ticket) return undefined;
  if ("followup" in asking) return asking.followup.grant.ask;
  const isRekey = asking.kind === "ike-public-value" || asking.kind === "ike-shared-secret";
  return isRekey ? asking.ask : undefined;
}

/** Our own rekey has failed: that of the peer has succeeded, so there is nothing left to do. */
function giveUp(sa: Established, ask: Pick<IkeAsk, "privateOctets">): Step {
  wipe(ask.privateOctets);
  return { sa: { ...sa, asking: undefined }, effects: [] };
}

/** When the request in flight is repeated or the IKE SA is deleted: it has no other duties. */
export function deadlineOfReplaced({ former, until }: Replaced): Instant {
  const retransmitAt = former.outbound.inFlight?.retransmitAt ?? until;
  return retransmitAt < until ? retransmitAt : until;
}

/** Deletes the IKE SA, or repeats the request in flight. */
export function onDeadlineReplaced(sa: Replaced, context: IkeContext): Step {
  if (context.now >= sa.until) return close(sa.former, "rekeyed", context);
  return stillReplaced(sa, repeat(sa.former, context));
}
