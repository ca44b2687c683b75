/** One IKE SA: the one place where phase and event meet (RFC 7296 §2). */

import { never } from "../../octets/assert.ts";
import { later } from "../../octets/instant.ts";
import type { Reason } from "../../reason/reason.ts";
import { ExchangeType } from "../../wire/v2/exchange-type.ts";
import { Protocol } from "../../wire/v2/message.ts";
import type { IkeContext } from "../effect.ts";
import type { IkeEvent } from "../event.ts";
import { AUTH_OCTETS_MAX, LINGER_MS, REPLACED_MS, SUPERSEDED_MS } from "../limits.ts";
import { childrenDown, endCall, sends } from "./answer.ts";
import { watchChildless } from "./childless.ts";
import { onDeadline } from "./deadlines.ts";
import { close, expireChild, forget } from "./delete.ts";
import { onInstalled, onKeyExchangeEstablished } from "./established-answers.ts";
import { onMessageEstablished } from "./established-message.ts";
import type { Closing, Established, Replaced } from "./established-phase.ts";
import type { IkeSa } from "./every-phase.ts";
import { NO_FRAGMENTS } from "./fragments.ts";
import { onAuthRequest, onCredentials, onSigned, onVerified, refuseAuth } from "./ike-auth.ts";
import { onAuthResponse, onCallSigned, onCallVerified } from "./ike-auth-request.ts";
import { onInitKeyExchange } from "./ike-sa-init.ts";
import { onCallPublicValue, onCallSharedSecret, onInitResponse } from "./ike-sa-init-request.ts";
import type { AwaitingAuthResponse } from "./initiator-phase.ts";
import { wipeIkeKeys } from "./keys.ts";
import { askIfSilent, onUsage } from "./liveness.ts";
import { mindMessageIds } from "./message-ids.ts";
import { onPeerMoved } from "./mobike.ts";
import { proceed } from "./proceed.ts";
import { openMessage, sealMessage } from "./protect.ts";
import { redirectLater } from "./redirect.ts";
import { adopt, standDown } from "./rekey-collision.ts";
import { onKeyExchangeReplaced, onMessageReplaced, stillReplaced } from "./replaced.ts";
import type { AwaitingAuth, AwaitingRepeat } from "./responder-phase.ts";
import { wipeSecrets } from "./secrets.ts";
import type { Step } from "./step.ts";
import { addTask } from "./tasks.ts";
import { unwelcomeEffects } from "./unwelcome.ts";

type MessageEvent = Extract<IkeEvent, { kind: "message" }>;

/** Takes in one event. What does not fit the phase changes nothing. */
export function step(sa: IkeSa, event: IkeEvent, context: IkeContext): Step {
  const done = take(sa, event, context);
  if (done.sa?.phase !== "established") return done;
  const seen = watchChildless(done.sa, context.now);
  const tidy = mindMessageIds(sa, seen, context);
  const effects = [...done.effects, ...tidy.effects];
  if (tidy.sa?.phase !== "established" || tidy.sa.tasks.length === 0) return { ...tidy, effects };
  const next = proceed(tidy.sa, context);
  return { sa: next.sa, effects: [...effects, ...next.effects] };
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
      if (sa.phase !== "awaiting-credentials" || sa.ticket !== event.ticket) return same(sa);
      return onCredentials(sa, event.result, context);
    case "close":
      return onClose(sa, event.why, context);
    case "drop":
      return drop(sa, event.why);
    case "deadline":
      return onDeadline(sa, context);
    default:
      if (sa.phase === "established") return takeEstablished(sa, event, context);
      return sa.phase === "replaced" ? takeReplaced(sa, event, context) : same(sa);
  }
}

type EstablishedEvent = Exclude<
  IkeEvent,
  {
    kind:
      | ("message" | "key-exchange-answer" | "signature-answer" | "credentials")
      | ("close" | "drop" | "deadline");
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
      return adopt(sa, event.children);
    case "stand-down":
      return standDown(sa, event.to, context);
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

/** Nothing is begun with it any more; what was begun goes on. */
function takeReplaced(sa: Replaced, event: EstablishedEvent, context: IkeContext): Step {
  switch (event.kind) {
    case "rekey-ike":
    case "new-child":
    case "redirect":
    case "check-liveness":
      return same(sa);
    case "adopt":
      return adopt(sa.former, event.children);
    default:
      return stillReplaced(sa, takeEstablished(sa.former, event, context));
  }
}

function onMessage(sa: IkeSa, event: MessageEvent, context: IkeContext): Step {
  switch (sa.phase) {
    case "awaiting-key-exchange":
    case "awaiting-credentials":
    case "awaiting-verification":
    case "awaiting-signature":
    case "refusing":
    case "awaiting-public-value":
    case "awaiting-shared-secret":
    case "awaiting-call-signature":
    case "awaiting-call-verification":
      // A repeat of what is being worked on: the answer is on its way.
      return same(sa);
    case "awaiting-auth":
      return onMessageAwaitingAuth(sa, event, context);
    case "awaiting-repeat":
      // Before anything is decrypted.
      if (context.now < sa.held.againAt) return same(sa);
      return onMessageAwaitingAuth(sa, event, context);
    case "awaiting-init-response":
      return event.header.flags.response ? onInitResponse(sa, event, context) : same(sa);
    case "awaiting-auth-response":
      return onMessageAwaitingAuthResponse(sa, event, context);
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

function onMessageAwaitingAuth(
  sa: AwaitingAuth | AwaitingRepeat,
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
  if (
    header.exchangeType !== ExchangeType.IKE_AUTH ||
    header.messageId !== sa.half.window.inbound
  ) {
    return { sa, effects: [{ kind: "count", counter: "messages_out_of_window" }] };
  }
  if (event.octets.length > AUTH_OCTETS_MAX) return tooLong(sa);
  const opened = openMessage(sa.half, { header, octets: event.octets }, context);
  if (opened.kind === "forged") return dropped(sa);
  // From here on the peer's address is the one that its authentic message came from (§2.23).
  const half = opened.kind === "faulty" ? sa.half : { ...sa.half, fragments: opened.fragments };
  const here = { ...sa, path: event.path, half };
  if (opened.kind === "fragment") return same(here);
  if (opened.kind === "unwelcome") {
    return { sa: here, effects: unwelcomeEffects(opened, "IKE_AUTH") };
  }
  const to = { messageId: header.messageId, arrivedAt: context.now };
  return opened.kind === "whole"
    ? onAuthRequest(here, header, opened, context)
    : refuseAuth(here, to, opened.refusal, context);
}

function onMessageAwaitingAuthResponse(
  sa: AwaitingAuthResponse,
  event: MessageEvent,
  context: IkeContext,
): Step {
  const { header, octets } = event;
  const { flags, exchangeType, messageId } = header;
  if (!flags.response || exchangeType !== ExchangeType.IKE_AUTH) return same(sa);
  if (messageId !== sa.inFlight.messageId) return same(sa);
  if (octets.length > AUTH_OCTETS_MAX) return tooLong(sa);
  const opened = openMessage(sa.half, { header, octets: octets }, context);
  switch (opened.kind) {
    case "forged":
      return dropped(sa);
    case "faulty":
      return endCall(sa, opened.refusal);
    case "fragment":
      return same({ ...sa, half: { ...sa.half, fragments: opened.fragments } });
    case "unwelcome":
      return {
        sa: { ...sa, half: { ...sa.half, fragments: opened.fragments } },
        effects: unwelcomeEffects(opened, "IKE_AUTH"),
      };
    case "whole":
      return onAuthResponse(sa, opened.payloads, context);
    default:
      return never(opened);
  }
}

function onMessageClosing(sa: Closing, event: MessageEvent, context: IkeContext): Step {
  const { header } = event;
  const opened = openMessage(
    { ...sa, fragments: NO_FRAGMENTS },
    { header, octets: event.octets },
    context,
  );
  if (opened.kind === "forged") return dropped(sa);
  if (opened.kind !== "whole") return same(sa);
  if (header.flags.response) {
    return header.messageId === sa.inFlight.messageId ? forget(sa) : same(sa);
  }
  // Both ends delete at once: the peer's Delete is answered too (§1.4.1).
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
  if (!("ticket" in sa) || sa.ticket !== ticket) return same(sa);
  switch (sa.phase) {
    case "awaiting-key-exchange":
      return onInitKeyExchange(sa, result, context);
    case "awaiting-public-value":
      return onCallPublicValue(sa, result, context);
    case "awaiting-shared-secret":
      return onCallSharedSecret(sa, result, context);
    default:
      return same(sa);
  }
}

function onSignatureAnswer(
  sa: IkeSa,
  { ticket, result }: Extract<IkeEvent, { kind: "signature-answer" }>,
  context: IkeContext,
): Step {
  if (!("ticket" in sa) || sa.ticket !== ticket) return same(sa);
  switch (sa.phase) {
    case "awaiting-verification":
      return onVerified(sa, result, context);
    case "awaiting-signature":
      return onSigned(sa, result, context);
    case "awaiting-call-signature":
      return onCallSigned(sa, result, context);
    case "awaiting-call-verification":
      return onCallVerified(sa, result, context);
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

function dropped(sa: IkeSa): Step {
  return { sa, effects: [{ kind: "count", counter: "messages_bad_icv" }] };
}

/** Before the peer is known: not even decrypted. */
function tooLong(sa: IkeSa): Step {
  return { sa, effects: [{ kind: "count", counter: "messages_too_long" }] };
}

function same(sa: IkeSa): Step {
  return { sa, effects: [] };
}
