/** One IKE SA: the one place where phase and event meet (RFC 7296 §2). */

import { never } from "../octets/assert.ts";
import { type Instant, later } from "../octets/instant.ts";
import { ExchangeType } from "../wire/exchange-type.ts";
import type { IkeHeader } from "../wire/header.ts";
import type { Payload } from "../wire/message.ts";
import { Protocol } from "../wire/message.ts";
import type { IkeContext, Step } from "./effect.ts";
import type { IkeEvent } from "./event.ts";
import { wipeIkeKeys } from "./keys.ts";
import { LINGER_MS } from "./limits.ts";
import { type Closing, type Established, type IkeSa, saIdOf } from "./phase.ts";
import { openMessage, sealMessage } from "./protect.ts";
import type { Refusal } from "./refusal.ts";
import { notifyFor } from "./refusal.ts";
import { answerAndEnd, childrenDown, failedNote, refuse } from "./v2/answer.ts";
import {
  onChildInstalled,
  onChildKeyExchange,
  onCreateChildSaRequest,
} from "./v2/create-child-sa.ts";
import { close, closeChild, forget, sendWaitingDeletes } from "./v2/delete.ts";
import { onAuthRequest, onCredentials, onFirstChildInstalled, refuseAuth } from "./v2/ike-auth.ts";
import { onInitKeyExchange } from "./v2/ike-sa-init.ts";
import { onInformationalRequest } from "./v2/informational.ts";
import { checkLiveness, livenessAt } from "./v2/liveness.ts";
import { onIkeKeyExchange } from "./v2/rekey-ike-sa.ts";
import { retransmission } from "./v2/request.ts";

type MessageEvent = Extract<IkeEvent, { kind: "message" }>;

/** Takes in one event. What does not fit the phase changes nothing. */
export function step(sa: IkeSa, event: IkeEvent, context: IkeContext): Step {
  switch (event.kind) {
    case "message":
      return onMessage(sa, event, context);
    case "key-exchange-answer":
      return onKeyExchangeAnswer(sa, event, context);
    case "credentials":
      if (sa.phase !== "awaiting-credentials" || sa.ticket !== event.ticket) return same(sa);
      return onCredentials(sa, event.result, context);
    case "child-installed":
      return onInstalled(sa, event, context);
    case "close":
      return onClose(sa, event.why, context);
    case "drop":
      return drop(sa, event.why);
    case "terms":
      return sa.phase === "established" ? { sa: { ...sa, ...event.terms }, effects: [] } : same(sa);
    case "close-child":
      return sa.phase === "established" ? closeChild(sa, event.spiIn, context) : same(sa);
    case "deadline":
      return onDeadline(sa, context);
    default:
      return never(event);
  }
}

/** When `deadline` is due; undefined if nothing is waited for. */
export function deadlineOf(sa: IkeSa): Instant | undefined {
  switch (sa.phase) {
    case "awaiting-key-exchange":
      return sa.expireAt;
    case "awaiting-auth":
    case "awaiting-credentials":
      return sa.half.expireAt;
    case "refusing":
      return sa.answerAt;
    case "established":
      return earlier(sa.replacedUntil, sa.outbound.inFlight?.retransmitAt ?? livenessAt(sa));
    case "closing":
      return sa.inFlight.retransmitAt;
    case "ended":
      return sa.forgetAt;
    default:
      return never(sa);
  }
}

/** Whether the peer has not proved yet who it is: such IKE SAs are few and short-lived. */
export function isHalfOpen(sa: IkeSa): boolean {
  return (
    sa.phase === "awaiting-key-exchange" ||
    sa.phase === "awaiting-auth" ||
    sa.phase === "awaiting-credentials" ||
    sa.phase === "refusing"
  );
}

function onMessage(sa: IkeSa, event: MessageEvent, context: IkeContext): Step {
  switch (sa.phase) {
    case "awaiting-key-exchange":
    case "awaiting-credentials":
    case "refusing":
      // A repeat of what is being worked on: the answer is on its way.
      return same(sa);
    case "awaiting-auth":
      return onMessageAwaitingAuth(sa, event, context);
    case "established":
      return onMessageEstablished(sa, event, context);
    case "closing":
      return onMessageClosing(sa, event, context);
    case "ended": {
      const isRepeat = !event.header.flags.response && event.header.messageId === sa.messageId;
      if (!isRepeat) return same(sa);
      return { sa, effects: [{ kind: "send", octets: sa.response, path: event.path }] };
    }
    default:
      return never(sa);
  }
}

function onMessageAwaitingAuth(
  sa: Extract<IkeSa, { phase: "awaiting-auth" }>,
  event: MessageEvent,
  context: IkeContext,
): Step {
  const { header } = event;
  if (header.flags.response) return same(sa);
  if (header.exchangeType === ExchangeType.IKE_SA_INIT) {
    return {
      sa,
      effects: [
        { kind: "count", counter: "messages_repeated" },
        { kind: "send", octets: sa.half.response, path: event.path },
      ],
    };
  }
  if (header.exchangeType !== ExchangeType.IKE_AUTH || header.messageId !== 1) {
    return { sa, effects: [{ kind: "count", counter: "messages_out_of_window" }] };
  }
  const opened = openMessage(sa.half, header, event.octets);
  if (!opened.ok && !opened.error.authentic) return dropped(sa);
  // From here on the peer's address is the one that its authentic message came from (§2.23).
  const here = { phase: "awaiting-auth", path: event.path, half: sa.half } as const;
  const to = { messageId: header.messageId, arrivedAt: context.now };
  return opened.ok
    ? onAuthRequest(here, header, opened.value, context)
    : refuseAuth(here, to, opened.error.refusal, context);
}

function onMessageEstablished(sa: Established, event: MessageEvent, context: IkeContext): Step {
  const { header } = event;
  const opened = openMessage(sa, header, event.octets);
  if (!opened.ok && !opened.error.authentic) return dropped(sa);
  if (header.flags.response) return onResponse(sa, header, context);
  const { inbound } = sa;
  if (header.messageId === inbound.nextId - 1 && inbound.lastResponse !== undefined) {
    return {
      sa,
      effects: [
        { kind: "count", counter: "messages_repeated" },
        { kind: "send", octets: inbound.lastResponse, path: event.path },
      ],
    };
  }
  if (header.messageId !== inbound.nextId) {
    return { sa, effects: [{ kind: "count", counter: "messages_out_of_window" }] };
  }
  if (sa.serving !== undefined) return same(sa);
  const here: Established = { ...sa, path: event.path, heardAt: context.now };
  if (!opened.ok) {
    const { refusal } = opened.error;
    // One message that cannot be understood is refused; the IKE SA goes on (§2.5).
    if (refusal.kind === "unsupported-critical") return refuse(here, header, refusal, context);
    return refuseSyntax(here, header, refusal, context);
  }
  return onRequest(here, header, opened.value, context);
}

function onRequest(
  sa: Established,
  header: IkeHeader,
  payloads: readonly Payload[],
  context: IkeContext,
): Step {
  switch (header.exchangeType) {
    case ExchangeType.CREATE_CHILD_SA:
      return onCreateChildSaRequest(sa, header, payloads, context);
    case ExchangeType.INFORMATIONAL:
      return onInformationalRequest(sa, header, payloads, context);
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
  const notify = notifyFor(refusal);
  const payloads = notify === undefined ? [] : [notify];
  const reason = { kind: "refused", refusal } as const;
  const ended = answerAndEnd(sa, header, { payloads, reason }, context);
  return { sa: ended.sa, effects: [failedNote("INFORMATIONAL", refusal), ...ended.effects] };
}

function onResponse(sa: Established, header: IkeHeader, context: IkeContext): Step {
  if (sa.outbound.inFlight?.messageId !== header.messageId) return same(sa);
  const outbound = { nextId: sa.outbound.nextId, inFlight: undefined };
  return sendWaitingDeletes({ ...sa, outbound, heardAt: context.now }, context);
}

function onMessageClosing(sa: Closing, event: MessageEvent, context: IkeContext): Step {
  const { header } = event;
  const opened = openMessage(sa, header, event.octets);
  if (!opened.ok) return opened.error.authentic ? same(sa) : dropped(sa);
  if (header.flags.response) {
    return header.messageId === sa.inFlight.messageId ? forget(sa) : same(sa);
  }
  // Both ends delete at once: the peer's Delete is answered too (§1.4.1).
  const isDelete = opened.value.some((p) => p.kind === "DELETE" && p.protocol === Protocol.IKE);
  if (!isDelete) return same(sa);
  const { exchangeType, messageId } = header;
  const response = sealMessage(sa, { exchangeType, messageId, response: true }, [], context.random);
  wipeIkeKeys(sa.keys);
  const { id, path } = sa;
  return {
    sa: { phase: "ended", id, path, messageId, response, forgetAt: later(context.now, LINGER_MS) },
    effects: [{ kind: "send", octets: response, path }],
  };
}

function onKeyExchangeAnswer(
  sa: IkeSa,
  event: Extract<IkeEvent, { kind: "key-exchange-answer" }>,
  context: IkeContext,
): Step {
  if (sa.phase === "awaiting-key-exchange" && sa.ticket === event.ticket) {
    return onInitKeyExchange(sa, event.result, context);
  }
  if (sa.phase !== "established" || sa.serving?.ticket !== event.ticket) return same(sa);
  const { serving } = sa;
  if (serving.kind === "child-key-exchange") {
    return onChildKeyExchange(sa, serving, event.result, context);
  }
  if (serving.kind === "ike-key-exchange") {
    return onIkeKeyExchange(sa, serving, event.result, context);
  }
  return same(sa);
}

function onInstalled(
  sa: IkeSa,
  event: Extract<IkeEvent, { kind: "child-installed" }>,
  context: IkeContext,
): Step {
  if (sa.phase !== "established" || sa.serving?.ticket !== event.ticket) return same(sa);
  const { serving } = sa;
  if (serving.kind === "ike-auth") return onFirstChildInstalled(sa, serving, event.result, context);
  if (serving.kind === "child-install") {
    return onChildInstalled(sa, serving, event.result, context);
  }
  return same(sa);
}

function onClose(sa: IkeSa, why: string, context: IkeContext): Step {
  if (sa.phase === "established") return close(sa, why, context);
  if (sa.phase === "closing" || sa.phase === "ended") return same(sa);
  if ("half" in sa) wipeIkeKeys(sa.half.keys);
  const reason = { kind: "we-deleted", why } as const;
  return { sa: undefined, effects: [{ kind: "ended", reason }] };
}

function drop(sa: IkeSa, why: string): Step {
  if (sa.phase === "ended") return { sa: undefined, effects: [] };
  const reason = { kind: "we-deleted", why } as const;
  if (sa.phase !== "established") return { sa: undefined, effects: [{ kind: "ended", reason }] };
  const effects = childrenDown(sa, why);
  wipeIkeKeys(sa.keys);
  return { sa: undefined, effects: [...effects, { kind: "ended", reason }] };
}

function onDeadline(sa: IkeSa, context: IkeContext): Step {
  const due = deadlineOf(sa);
  if (due === undefined || context.now < due) return same(sa);
  switch (sa.phase) {
    case "awaiting-key-exchange":
      return timedOut(sa, "our own key exchange did not finish in time");
    case "awaiting-auth":
      return timedOut(sa, "no IKE_AUTH request followed IKE_SA_INIT: is UDP 4500 open?");
    case "awaiting-credentials":
      return timedOut(sa, "the look-up did not finish in time");
    case "refusing": {
      const { id, path, messageId, response } = sa;
      const forgetAt = later(context.now, LINGER_MS);
      return {
        sa: { phase: "ended", id, path, messageId, response, forgetAt },
        effects: [{ kind: "send", octets: response, path }],
      };
    }
    case "established":
      return onDeadlineEstablished(sa, context);
    case "closing": {
      const inFlight = retransmission(sa.inFlight, context);
      if (inFlight === undefined) return forget(sa);
      const { id, path, algorithms, keys } = sa;
      return {
        sa: { phase: "closing", id, path, algorithms, keys, inFlight },
        effects: [{ kind: "send", octets: inFlight.octets, path }],
      };
    }
    case "ended":
      return { sa: undefined, effects: [] };
    default:
      return never(sa);
  }
}

function onDeadlineEstablished(sa: Established, context: IkeContext): Step {
  if (sa.replacedUntil !== undefined && context.now >= sa.replacedUntil) {
    return close(sa, "rekeyed", context);
  }
  if (sa.outbound.inFlight === undefined) return checkLiveness(sa, context);
  const inFlight = retransmission(sa.outbound.inFlight, context);
  // A site that answers no request is gone; telling it so would be one more of them (§2.4).
  if (inFlight === undefined) return drop(sa, "peer-silent");
  const { nextId } = sa.outbound;
  return {
    sa: { ...sa, outbound: { nextId, inFlight } },
    effects: [{ kind: "send", octets: inFlight.octets, path: sa.path }],
  };
}

function timedOut(sa: IkeSa, detail: string): Step {
  if ("half" in sa) wipeIkeKeys(sa.half.keys);
  const refusal: Refusal = { kind: "half-open-timeout", detail };
  return {
    sa: undefined,
    effects: [
      failedNote(sa.phase === "awaiting-key-exchange" ? "IKE_SA_INIT" : "IKE_AUTH", refusal),
      { kind: "ended", reason: { kind: "refused", refusal } },
    ],
  };
}

function dropped(sa: IkeSa): Step {
  return { sa, effects: [{ kind: "count", counter: "messages_bad_icv" }] };
}

function same(sa: IkeSa): Step {
  return { sa, effects: [] };
}

function earlier(a: Instant | undefined, b: Instant | undefined): Instant | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a < b ? a : b;
}

/** Names an IKE SA for people: `SPIi_SPIr`. */
export function saName(sa: IkeSa): string {
  const { spiI, spiR } = saIdOf(sa);
  return `${spiI.toString(16).padStart(16, "0")}_${spiR.toString(16).padStart(16, "0")}`;
}
