/** Messages of an authenticated peer: windows, repeats, requests, answers (RFC 7296 §2.1-2.3). */

import { never } from "../../octets/assert.ts";
import { later } from "../../octets/instant.ts";
import type { IkeHeader } from "../../wire/header.ts";
import { ExchangeType, exchangeName } from "../../wire/v2/exchange-type.ts";
import type { Payload } from "../../wire/v2/message.ts";
import type { IkeContext, IkeCounter, IkeNote } from "../effect.ts";
import type { IkeEvent } from "../event.ts";
import { NOTICE_MS } from "../limits.ts";
import type { Refusal } from "../refusal.ts";
import { answerAndEnd, failedNote, refuse, refusedNote, sends } from "./answer.ts";
import { onWrongAnswer } from "./child-setback.ts";
import { onCreateChildSaRequest } from "./create-child-sa.ts";
import { onChildResponse } from "./create-child-sa-request.ts";
import { unreadableOf, unreadableRefusal } from "./find-payload.ts";
import { isTooEarly, onHeldRequest } from "./first-child.ts";
import { onInformationalRequest } from "./informational.ts";
import { askIfSilent } from "./liveness.ts";
import { follow, onRoutability } from "./mobike.ts";
import { notifyFor } from "./notify.ts";
import type { Established } from "./phase.ts";
import { type Opened, openMessage } from "./protect.ts";
import { onIkeResponse, onWrongIkeAnswer } from "./rekey-ike-sa-request.ts";
import type { Step } from "./step.ts";
import { addTask } from "./tasks.ts";
import { unwelcomeEffects } from "./unwelcome.ts";

type MessageEvent = Extract<IkeEvent, { kind: "message" }>;

/** A message that carries our SPI: a request, a repeat of one, an answer, or forged. */
export function onMessageEstablished(
  sa: Established,
  event: MessageEvent,
  context: IkeContext,
): Step {
  const { header } = event;
  if (isTooEarly(sa, header, context.now)) return { sa, effects: [] };
  const opened = openMessage(sa, { header, octets: event.octets }, context);
  if (opened.kind === "forged") return onForged(sa, event, context);
  if (opened.kind === "unwelcome") {
    const step = exchangeName(header.exchangeType) as IkeNote["step"];
    return { sa: { ...sa, fragments: opened.fragments }, effects: unwelcomeEffects(opened, step) };
  }
  if (header.flags.response) return onResponse(sa, event, opened, context);
  return onRequest(sa, event, opened, context);
}

/**
 * Nobody vouches for it. Somebody who says INVALID_IKE_SPI may be a peer that has lost its state:
 * reason enough to ask, not to believe (§2.21.4).
 */
function onForged(sa: Established, { header, octets }: MessageEvent, context: IkeContext): Step {
  const isHint = header.flags.response && header.nextPayload === NOTIFY && octets.length < HINT_MAX;
  if (isHint && context.now >= sa.timers.noticeAt && sa.replacedUntil === undefined) {
    const noticeAt = later(context.now, NOTICE_MS);
    const noted = { ...sa, timers: { ...sa.timers, noticeAt } };
    return { sa: askIfSilent(noted, context), effects: [] };
  }
  return counted(sa, "messages_bad_icv");
}

const NOTIFY = 41;
const HINT_MAX = 64;

function onRequest(
  sa: Established,
  event: MessageEvent,
  opened: Exclude<Opened, { kind: "forged" | "unwelcome" }>,
  context: IkeContext,
): Step {
  const { header, path } = event;
  const { inbound } = sa;
  if (header.messageId === inbound.nextId - 1 && inbound.lastResponse !== undefined) {
    // Of a repeat in fragments only the first one is answered (RFC 7383 §2.6.1).
    if (opened.kind === "fragment" && opened.number !== 1) return { sa, effects: [] };
    const again = sends(inbound.lastResponse, path);
    return { sa, effects: [{ kind: "count", counter: "messages_repeated" }, ...again] };
  }
  if (header.messageId !== inbound.nextId) return onOutOfWindow(sa, header, context);
  const isHeld = sa.serving?.kind === "ike-auth-held";
  if (sa.serving !== undefined && !isHeld) return { sa, effects: [] };
  if (opened.kind === "fragment") {
    const { fragments } = opened;
    return { sa: { ...sa, fragments, heardAt: context.now }, effects: [] };
  }
  const fragments = opened.kind === "whole" ? opened.fragments : sa.fragments;
  const heard = { ...sa, fragments, inbound: { ...inbound, path }, heardAt: context.now };
  const here = follow(heard, path);
  const done = serve(here.sa, header, opened, context);
  return { sa: done.sa, effects: [...here.effects, ...done.effects] };
}

function serve(
  sa: Established,
  header: IkeHeader,
  opened: Extract<Opened, { kind: "faulty" | "whole" }>,
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
    case ExchangeType.INFORMATIONAL: {
      const unreadable = unreadableOf(opened.payloads, "DELETE");
      if (unreadable !== undefined) {
        // What it deletes is gone there: nobody could say what is still common to both ends.
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

/** Authentic, yet not to be understood: it is answered, and the IKE SA closed (§2.21.3). */
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

/** Neither the next request nor a repeat of the last: the peer is told, now and then (§2.3). */
function onOutOfWindow(sa: Established, header: IkeHeader, context: IkeContext): Step {
  const isOld = header.messageId < sa.inbound.nextId;
  if (isOld || context.now < sa.timers.noticeAt || sa.replacedUntil !== undefined) {
    return counted(sa, "messages_out_of_window");
  }
  const timers = { ...sa.timers, noticeAt: later(context.now, NOTICE_MS) };
  const { messageId } = header;
  const told = addTask({ ...sa, timers }, { kind: "invalid-message-id", messageId });
  return counted(told, "messages_out_of_window");
}

/** An answer: to the request in flight, or to one that was answered already. */
function onResponse(
  sa: Established,
  event: MessageEvent,
  opened: Exclude<Opened, { kind: "forged" | "unwelcome" }>,
  context: IkeContext,
): Step {
  const { nextId, inFlight } = sa.outbound;
  if (inFlight?.messageId !== event.header.messageId) return { sa, effects: [] };
  if (opened.kind === "fragment") {
    return { sa: { ...sa, fragments: opened.fragments }, effects: [] };
  }
  // What the peer asks for at the same time comes first: our request is repeated, and so is this.
  if (isSlow(sa)) return { sa, effects: [] };
  const outbound = { nextId, inFlight: undefined };
  if (opened.kind === "faulty") {
    return onFaultyAnswer({ ...sa, outbound, heardAt: context.now }, opened.refusal, context);
  }
  const { fragments, payloads } = opened;
  const heard: Established = { ...sa, outbound, fragments, heardAt: context.now };
  const here = follow(heard, event.path);
  const done = onAnswer(here.sa, payloads, context);
  return { sa: done.sa, effects: [...here.effects, ...done.effects] };
}

function isSlow({ serving, asking }: Established): boolean {
  if (serving === undefined) return false;
  return asking?.kind === "child-response" || asking?.kind === "ike-response";
}

function onAnswer(sa: Established, payloads: readonly Payload[], context: IkeContext): Step {
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
    case "child-public-value":
    case "child-shared-secret":
    case "child-install":
    case "ike-public-value":
    case "ike-shared-secret":
      return { sa, effects: [] };
    default:
      return never(asking);
  }
}

/**
 * An answer that cannot be read as a whole: what was asked for has failed. The peer is there and is
 * who it was, so that the IKE SA stays.
 */
function onFaultyAnswer(sa: Established, refusal: Refusal, context: IkeContext): Step {
  const { asking } = sa;
  const free: Established = { ...sa, asking: undefined };
  switch (asking?.kind) {
    case "child-response":
      return onWrongAnswer(free, asking.ask, refusal, context);
    case "ike-response":
      return onWrongIkeAnswer(sa, asking.ask, refusal, context);
    default:
      return { sa: free, effects: [refusedNote("INFORMATIONAL", refusal)] };
  }
}

function counted(sa: Established, counter: IkeCounter): Step {
  return { sa, effects: [{ kind: "count", counter }] };
}
