/** One IKE SA of IKEv2: the only place that branches on both phase and event (RFC 7296 §2). */

import { never } from "../../octets/assert.ts";
import { later } from "../../octets/instant.ts";
import type { Reason } from "../../reason/reason.ts";
import { Protocol } from "../../wire/v2/message.ts";
import type { IkeContext } from "../effect.ts";
import type { IkeEvent } from "../event.ts";
import { LINGER_MS, REPLACED_MS, SUPERSEDED_MS } from "../limits.ts";
import { childrenDown, sends } from "./answer.ts";
import { watchChildless } from "./childless.ts";
import { onDeadline } from "./deadlines.ts";
import { close, expireChild, forget } from "./delete.ts";
import { onInstalled, onKeyExchangeEstablished } from "./established-answers.ts";
import { onMessageEstablished } from "./established-message.ts";
import type { Closing, Established, Replaced } from "./established-phase.ts";
import type { IkeSa } from "./every-phase.ts";
import { NO_FRAGMENTS } from "./fragments.ts";
import { onInitKeyExchange } from "./ike-sa-init.ts";
import { onCallPublicValue, onCallSharedSecret, onInitResponse } from "./ike-sa-init-request.ts";
import {
  beginRound,
  onKeyExchangeInitiating,
  onMessageInitiating,
  onSignatureInitiating,
} from "./initiating.ts";
import { wipeIkeKeys } from "./keys.ts";
import { counted, type MessageEvent } from "./known-peer-message.ts";
import { askIfSilent, onUsage } from "./liveness.ts";
import { mindMessageIds } from "./message-ids.ts";
import { onPeerMoved } from "./mobike.ts";
import { proceed } from "./proceed.ts";
import { openMessage, sealMessage } from "./protect.ts";
import { redirectLater } from "./redirect.ts";
import { adopt, standDown, withDecision } from "./rekey-collision.ts";
import { onKeyExchangeReplaced, onMessageReplaced, stillReplaced } from "./replaced.ts";
import {
  onCredentialsResponding,
  onKeyExchangeResponding,
  onMessageResponding,
  onPpksResponding,
  onSignatureResponding,
} from "./responding.ts";
import { wipeSecrets } from "./secrets.ts";
import type { Step } from "./step.ts";
import { addTask } from "./tasks.ts";

/** Handles one event. An event that does not fit the phase changes nothing. */
export function step(sa: IkeSa, event: IkeEvent, context: IkeContext): Step {
  const taken = take(sa, event, context);
  const done = sa.phase === "replaced" ? withDecision(sa, taken) : taken;
  if (done.sa?.phase === "initiating" && done.sa.round === undefined) {
    const begun = beginRound(done.sa, context);
    return { sa: begun.sa, effects: [...done.effects, ...begun.effects] };
  }
  if (done.sa?.phase !== "established") return done;
  const seen = watchChildless(done.sa, context.now);
  const tidy = mindMessageIds(sa, seen, context);
  const effects = together(done.effects, tidy.effects);
  if (tidy.sa?.phase !== "established" || tidy.sa.tasks.length === 0) return { ...tidy, effects };
  const next = proceed(tidy.sa, context);
  return { sa: next.sa, effects: together(effects, next.effects) };
}

/** Mostly one of them has none. */
function together(first: Step["effects"], second: Step["effects"]): Step["effects"] {
  if (second.length === 0) return first;
  return first.length === 0 ? second : [...first, ...second];
}

function take(sa: IkeSa, event: IkeEvent, context: IkeContext): Step {
  switch (event.kind) {
    case "message":
      return onMessage(sa, event, context);
    case "key-exchange-answer":
      return onKeyExchangeAnswer(sa, event, context);
    case "signature-answer":
      return onSignatureAnswer(sa, event, context);
    case "credentials":
      return sa.phase === "responding" ? onCredentialsResponding(sa, event, context) : same(sa);
    case "ppks":
      return sa.phase === "responding" ? onPpksResponding(sa, event, context) : same(sa);
    case "close":
      return onClose(sa, event.why, context);
    case "drop":
      return drop(sa, event.why);
    case "deadline":
      return onDeadline(sa, context);
    case "password-answer":
    case "child-deleted":
    case "say-gone":
    case "peer-deleted":
      return same(sa);
    default:
      if (sa.phase === "established") return takeEstablished(sa, event, context);
      return sa.phase === "replaced" ? takeReplaced(sa, event, context) : same(sa);
  }
}

type EstablishedEvent = Exclude<
  IkeEvent,
  {
    kind:
      | ("message" | "key-exchange-answer" | "signature-answer" | "credentials" | "ppks")
      | ("close" | "drop" | "deadline" | "password-answer")
      | ("child-deleted" | "say-gone" | "peer-deleted");
  }
>;

function takeEstablished(sa: Established, event: EstablishedEvent, context: IkeContext): Step {
  switch (event.kind) {
    case "terms":
      return { sa: { ...sa, ...event.terms }, effects: [] };
    case "child-installed":
      return onInstalled(sa, event, context);
    case "close-child":
      return expireChild(sa, event.spiIn, context);
    case "rekey-child": {
      const child = sa.children.find((candidate) => candidate.spiIn === event.spiIn);
      if (child === undefined) return same(sa);
      return { sa: addTask(sa, { kind: "rekey-child", spiIn: child.spiIn }), effects: [] };
    }
    case "rekey-ike":
    case "new-child":
      return { sa: addTask(sa, event), effects: [] };
    case "redirect":
      return { sa: redirectLater(sa, event.to), effects: [] };
    case "check-liveness":
      return { sa: askIfSilent(sa, context), effects: [] };
    case "usage":
      return onUsage(sa, event, context);
    case "peer-moved":
      return onPeerMoved(sa, event.remote);
    case "adopt":
      return adopt(sa, event);
    case "stand-down":
      return standDown(sa, event.to, context);
    case "decided":
      return { sa: { ...sa, undecidedUntil: undefined }, effects: [] };
    case "needed":
      return { sa: { ...sa, timers: { ...sa.timers, redundant: undefined } }, effects: [] };
    case "redundant": {
      const { why } = event;
      const ms = why === "redundant" ? REPLACED_MS : SUPERSEDED_MS;
      const redundant = { at: later(context.now, ms), why };
      return { sa: { ...sa, timers: { ...sa.timers, redundant } }, effects: [] };
    }
    default:
      return never(event);
  }
}

/** Nothing new begins; exchanges under way go on. */
function takeReplaced(sa: Replaced, event: EstablishedEvent, context: IkeContext): Step {
  switch (event.kind) {
    case "rekey-ike":
    case "new-child":
    case "redirect":
    case "check-liveness":
      return same(sa);
    case "adopt":
      return adopt(sa.former, event);
    default:
      return stillReplaced(sa, takeEstablished(sa.former, event, context));
  }
}

function onMessage(sa: IkeSa, event: MessageEvent, context: IkeContext): Step {
  switch (sa.phase) {
    case "awaiting-key-exchange":
    case "refusing":
    case "awaiting-public-value":
    case "awaiting-shared-secret":
      // A repeat of the request that is being worked on: its answer follows.
      return same(sa);
    case "responding":
      return onMessageResponding(sa, event, context);
    case "initiating":
      return onMessageInitiating(sa, event, context);
    case "awaiting-init-response":
      return event.header.flags.response ? onInitResponse(sa, event, context) : same(sa);
    case "established":
      return onMessageEstablished(sa, event, context);
    case "replaced":
      return onMessageReplaced(sa, event, context);
    case "closing":
      return onMessageClosing(sa, event, context);
    case "ended": {
      const isRepeat = !event.header.flags.response && event.header.messageId === sa.messageId;
      return isRepeat ? { sa, effects: sends(sa.response, event.path) } : same(sa);
    }
    default:
      return never(sa);
  }
}

function onMessageClosing(sa: Closing, event: MessageEvent, context: IkeContext): Step {
  const { header } = event;
  const opened = openMessage(
    { ...sa, fragments: NO_FRAGMENTS },
    { header, octets: event.octets },
    context,
  );
  if (opened.kind === "forged") return counted(sa, "messages_bad_icv");
  if (opened.kind !== "whole") return same(sa);
  if (header.flags.response) {
    return header.messageId === sa.inFlight.messageId ? forget(sa) : same(sa);
  }
  // Both ends delete it at once: the peer's Delete gets its answer, too (§1.4.1).
  const isDelete = opened.payloads.some((p) => p.kind === "DELETE" && p.protocol === Protocol.IKE);
  if (!isDelete) return same(sa);
  const { exchangeType, messageId } = header;
  const response = sealMessage(sa, { exchangeType, messageId, response: true }, [], context);
  wipeIkeKeys(sa.keys);
  const { id, path } = sa;
  return {
    sa: { phase: "ended", id, path, messageId, response, forgetAt: later(context.now, LINGER_MS) },
    effects: sends(response, path),
  };
}

function onKeyExchangeAnswer(
  sa: IkeSa,
  event: Extract<IkeEvent, { kind: "key-exchange-answer" }>,
  context: IkeContext,
): Step {
  const { ticket, result } = event;
  if (sa.phase === "established") return onKeyExchangeEstablished(sa, event, context);
  if (sa.phase === "replaced") return onKeyExchangeReplaced(sa, event, context);
  if (sa.phase === "responding") return onKeyExchangeResponding(sa, event, context);
  if (sa.phase === "initiating") return onKeyExchangeInitiating(sa, event, context);
  if (!("ticket" in sa) || sa.ticket !== ticket) return same(sa);
  switch (sa.phase) {
    case "awaiting-key-exchange":
      return onInitKeyExchange(sa, result, context);
    case "awaiting-public-value":
      return onCallPublicValue(sa, result, context);
    case "awaiting-shared-secret":
      return onCallSharedSecret(sa, result);
    default:
      return same(sa);
  }
}

function onSignatureAnswer(
  sa: IkeSa,
  event: Extract<IkeEvent, { kind: "signature-answer" }>,
  context: IkeContext,
): Step {
  switch (sa.phase) {
    case "responding":
      return onSignatureResponding(sa, event, context);
    case "initiating":
      return onSignatureInitiating(sa, event, context);
    default:
      return same(sa);
  }
}

function onClose(sa: IkeSa, why: Reason, context: IkeContext): Step {
  if (sa.phase === "established") return close(sa, why, context);
  if (sa.phase === "replaced") return close(sa.former, why, context);
  if (sa.phase === "closing" || sa.phase === "ended") return same(sa);
  wipeSecrets(sa);
  const reason = { kind: "we-deleted", why } as const;
  return { sa: undefined, effects: [{ kind: "ended", reason }] };
}

function drop(sa: IkeSa, why: Reason): Step {
  if (sa.phase === "ended") return { sa: undefined, effects: [] };
  if (sa.phase === "replaced") return drop(sa.former, why);
  const reason = { kind: "we-deleted", why } as const;
  const effects = sa.phase === "established" ? childrenDown(sa, why) : [];
  wipeSecrets(sa);
  return { sa: undefined, effects: [...effects, { kind: "ended", reason }] };
}

function same(sa: IkeSa): Step {
  return { sa, effects: [] };
}
