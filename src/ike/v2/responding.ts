/** The rounds between IKE_SA_INIT and the end of authentication, as responder. */

import { never } from "../../octets/assert.ts";
import { wipe } from "../../octets/secret.ts";
import type { IkeHeader } from "../../wire/header.ts";
import { ExchangeType } from "../../wire/v2/exchange-type.ts";
import type { IkeContext } from "../effect.ts";
import type { IkeEvent } from "../event.ts";
import { sends } from "./answer.ts";
import { NO_FRAGMENTS_BEFORE_AUTH } from "./fragments.ts";
import { onAuthRequest, onCredentials, onSigned, onVerified } from "./ike-auth.ts";
import { onIntermediateKeyExchange, onIntermediateRequest, onPpks } from "./intermediate.ts";
import { wipeIkeKeys } from "./keys.ts";
import { counted, type MessageEvent } from "./known-peer-message.ts";
import { openMessage, type Read } from "./protect.ts";
import type { Responding } from "./responder-phase.ts";
import { MESSAGES_OF } from "./round.ts";
import type { Step } from "./step.ts";
import { unwelcomeEffects } from "./unwelcome.ts";

/** How the request of each round is handled. */
function onRequest(sa: Responding, header: IkeHeader, read: Read, context: IkeContext): Step {
  const [next] = sa.half.rounds;
  const { messageId } = header;
  switch (next.kind) {
    case "key-exchange":
    case "ppk":
      return onIntermediateRequest(sa, { messageId, read, round: next }, context);
    case "ike-auth":
      return onAuthRequest(sa, header, read, context);
    default:
      return never(next);
  }
}

/** A message during the rounds: a repeat, the request of the present round, or neither. */
export function onMessageResponding(
  sa: Responding,
  event: MessageEvent,
  context: IkeContext,
): Step {
  const { header, octets } = event;
  const { round } = sa;
  // A repeat of the request that is being worked on: its answer follows.
  if (round.awaits !== "request" && round.awaits !== "repeat") return { sa, effects: [] };
  // Checked before anything is decrypted.
  if (round.awaits === "repeat" && context.now < round.held.againAt) return { sa, effects: [] };
  if (header.flags.response) return { sa, effects: [] };
  if (isRepeat(sa, event, context)) {
    const again = sends(sa.lastResponse, event.path);
    return { sa, effects: [{ kind: "count", counter: "messages_repeated" }, ...again] };
  }
  const [next] = sa.half.rounds;
  const { exchangeType, octetsMax, step } = MESSAGES_OF[next.kind];
  if (header.exchangeType !== exchangeType || header.messageId !== sa.half.window.inbound) {
    return counted(sa, "messages_out_of_window");
  }
  // The peer is not authenticated: such a message is not even decrypted.
  if (octets.length > octetsMax) return counted(sa, "messages_too_long");
  const opened = openMessage(sa.half, { header, octets }, context);
  if (opened.kind === "forged") return counted(sa, "messages_bad_icv");
  // From now on the peer's address is the source of this authentic message (§2.23).
  const half = opened.kind === "faulty" ? sa.half : { ...sa.half, fragments: opened.fragments };
  const before: Responding = { ...sa, path: event.path, half };
  if (opened.kind === "fragment") return { sa: before, effects: [] };
  if (opened.kind === "unwelcome") {
    return { sa: before, effects: unwelcomeEffects(opened, step) };
  }
  // The peer has our last response: nothing before it is repeated any more.
  if (sa.formerKeys !== undefined) wipeIkeKeys(sa.formerKeys);
  return onRequest({ ...before, formerKeys: undefined }, header, opened, context);
}

/**
 * Whether it is the previous request once more. If that was IKE_INTERMEDIATE, it is sealed with the
 * keys from before; of fragments only the first one is answered (RFC 7383 §2.6.1).
 */
function isRepeat(sa: Responding, { header, octets }: MessageEvent, context: IkeContext): boolean {
  const { half, formerKeys } = sa;
  const { exchangeType } = header;
  if (half.transcript.intermediate === undefined) return exchangeType === ExchangeType.IKE_SA_INIT;
  if (formerKeys === undefined || exchangeType !== ExchangeType.IKE_INTERMEDIATE) return false;
  if (header.messageId !== half.window.inbound - 1) return false;
  if (octets.length > MESSAGES_OF["key-exchange"].octetsMax) return false;
  const former = { ...half, keys: formerKeys, fragments: NO_FRAGMENTS_BEFORE_AUTH };
  const opened = openMessage(
    former,
    { header, octets },
    { now: context.now, onMessage: undefined },
  );
  if (opened.kind === "fragment") return opened.number === 1;
  return opened.kind === "whole" || opened.kind === "faulty";
}

/** The site's credentials have been found, or it is unknown. */
export function onCredentialsResponding(
  sa: Responding,
  { ticket, result }: Extract<IkeEvent, { kind: "credentials" }>,
  context: IkeContext,
): Step {
  const { round } = sa;
  if (round.awaits !== "credentials" || round.ticket !== ticket) return { sa, effects: [] };
  return onCredentials(sa, round.request, result, context);
}

/** The PPKs that the site proposes have been found, or there are none. */
export function onPpksResponding(
  sa: Responding,
  { ticket, ppks }: Extract<IkeEvent, { kind: "ppks" }>,
  context: IkeContext,
): Step {
  const { round } = sa;
  if (round.awaits === "ppks" && round.ticket === ticket) return onPpks(sa, round, ppks, context);
  wipe(...(ppks ?? []).map(({ key }) => key));
  return { sa, effects: [] };
}

/** Our part of an additional key exchange is done, or could not be. */
export function onKeyExchangeResponding(
  sa: Responding,
  { ticket, result }: Extract<IkeEvent, { kind: "key-exchange-answer" }>,
  context: IkeContext,
): Step {
  const { round } = sa;
  if (round.awaits !== "key-exchange" || round.ticket !== ticket) return { sa, effects: [] };
  return onIntermediateKeyExchange(sa, round, result, context);
}

/** A signature has been made or verified, or that has failed. */
export function onSignatureResponding(
  sa: Responding,
  { ticket, result }: Extract<IkeEvent, { kind: "signature-answer" }>,
  context: IkeContext,
): Step {
  const { round } = sa;
  if (!("ticket" in round) || round.ticket !== ticket) return { sa, effects: [] };
  switch (round.awaits) {
    case "verification":
      return onVerified(sa, round, result, context);
    case "signature":
      return onSigned(sa, round, result, context);
    default:
      return { sa, effects: [] };
  }
}
