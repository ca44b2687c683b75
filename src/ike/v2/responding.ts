/** The rounds between IKE_SA_INIT and the end of authentication, as responder. */

import type { IkeHeader } from "../../wire/header.ts";
import { ExchangeType } from "../../wire/v2/exchange-type.ts";
import type { IkeContext } from "../effect.ts";
import type { IkeEvent } from "../event.ts";
import { sends } from "./answer.ts";
import { onAuthRequest, onCredentials, onSigned, onVerified } from "./ike-auth.ts";
import { counted, type MessageEvent } from "./known-peer-message.ts";
import { openMessage, type Read } from "./protect.ts";
import type { Responding } from "./responder-phase.ts";
import { MESSAGES_OF, type Round } from "./round.ts";
import type { Step } from "./step.ts";
import { unwelcomeEffects } from "./unwelcome.ts";

type OnRequest = (sa: Responding, header: IkeHeader, read: Read, context: IkeContext) => Step;

/** How the request of each round is handled. */
const ON_REQUEST: Readonly<Record<Round, OnRequest>> = { "ike-auth": onAuthRequest };

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
  if (header.exchangeType === ExchangeType.IKE_SA_INIT) {
    const again = sends(sa.lastResponse, event.path);
    return { sa, effects: [{ kind: "count", counter: "messages_repeated" }, ...again] };
  }
  const [next] = sa.half.rounds;
  const { exchangeType, octetsMax } = MESSAGES_OF[next];
  if (header.exchangeType !== exchangeType || header.messageId !== sa.half.window.inbound) {
    return counted(sa, "messages_out_of_window");
  }
  // The peer is not authenticated: such a message is not even decrypted.
  if (octets.length > octetsMax) return counted(sa, "messages_too_long");
  const opened = openMessage(sa.half, { header, octets }, context);
  if (opened.kind === "forged") return counted(sa, "messages_bad_icv");
  // From now on the peer's address is the source of this authentic message (§2.23).
  const half = opened.kind === "faulty" ? sa.half : { ...sa.half, fragments: opened.fragments };
  const here: Responding = { ...sa, path: event.path, half };
  if (opened.kind === "fragment") return { sa: here, effects: [] };
  if (opened.kind === "unwelcome") {
    return { sa: here, effects: unwelcomeEffects(opened, "IKE_AUTH") };
  }
  return ON_REQUEST[next](here, header, opened, context);
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
