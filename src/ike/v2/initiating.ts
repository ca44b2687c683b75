/** The rounds between IKE_SA_INIT and the end of authentication, as initiator. */

import { never } from "../../octets/assert.ts";
import type { IkeContext } from "../effect.ts";
import type { IkeEvent } from "../event.ts";
import { beginAuth, onAuthResponse, onOwnSignature, onPeerVerified } from "./ike-auth-request.ts";
import type { AwaitingResponse, Initiating } from "./initiator-phase.ts";
import {
  beginIntermediate,
  beginPpk,
  onIntermediatePublicValue,
  onIntermediateResponse,
  onIntermediateSharedSecret,
} from "./intermediate-request.ts";
import { counted, type MessageEvent } from "./known-peer-message.ts";
import { openMessage, type Read } from "./protect.ts";
import { MESSAGES_OF } from "./round.ts";
import type { Step } from "./step.ts";
import { unwelcomeEffects } from "./unwelcome.ts";

/** Begins the first round of the list. */
export function beginRound(sa: Initiating, context: IkeContext): Step {
  const [next] = sa.half.rounds;
  switch (next.kind) {
    case "key-exchange":
      return beginIntermediate(sa, next, context);
    case "ppk":
      return beginPpk(sa, context);
    case "ike-auth":
      return beginAuth(sa, context);
    default:
      return never(next);
  }
}

/** How the response of each round is handled. */
function onResponse(
  sa: Initiating,
  { asked }: AwaitingResponse,
  read: Read,
  context: IkeContext,
): Step {
  switch (asked.kind) {
    case "key-exchange":
    case "ppk":
      return onIntermediateResponse(sa, asked, read, context);
    case "ike-auth":
      return onAuthResponse(sa, asked, read, context);
    default:
      return never(asked);
  }
}

/** A message during the rounds: only the response to the present round's request matters. */
export function onMessageInitiating(
  sa: Initiating,
  { header, octets }: MessageEvent,
  context: IkeContext,
): Step {
  const { half, round } = sa;
  const [next] = half.rounds;
  const { exchangeType, octetsMax, step } = MESSAGES_OF[next.kind];
  if (round?.awaits !== "response") return { sa, effects: [] };
  if (!header.flags.response || header.exchangeType !== exchangeType) return { sa, effects: [] };
  if (header.messageId !== round.inFlight.messageId) return { sa, effects: [] };
  // The peer is not authenticated: such a message is not even decrypted.
  if (octets.length > octetsMax) return counted(sa, "messages_too_long");
  const opened = openMessage(half, { header, octets }, context);
  switch (opened.kind) {
    case "forged":
      return counted(sa, "messages_bad_icv");
    case "fragment":
      return { sa: { ...sa, half: { ...half, fragments: opened.fragments } }, effects: [] };
    case "unwelcome":
      return {
        sa: { ...sa, half: { ...half, fragments: opened.fragments } },
        effects: unwelcomeEffects(opened, step),
      };
    default:
      return onResponse(sa, round, opened, context);
  }
}

/** A signature has been made or verified, or could not be. */
export function onSignatureInitiating(
  sa: Initiating,
  { ticket, result }: Extract<IkeEvent, { kind: "signature-answer" }>,
  context: IkeContext,
): Step {
  const { round } = sa;
  if (round === undefined || !("ticket" in round) || round.ticket !== ticket) {
    return { sa, effects: [] };
  }
  switch (round.awaits) {
    case "signature":
      return onOwnSignature(sa, round, result, context);
    case "verification":
      return onPeerVerified(sa, round, result, context);
    default:
      return { sa, effects: [] };
  }
}

/** A step of an additional key exchange is done, or could not be. */
export function onKeyExchangeInitiating(
  sa: Initiating,
  { ticket, result }: Extract<IkeEvent, { kind: "key-exchange-answer" }>,
  context: IkeContext,
): Step {
  const { round } = sa;
  if (round === undefined || !("ticket" in round) || round.ticket !== ticket) {
    return { sa, effects: [] };
  }
  switch (round.awaits) {
    case "public-value":
      return onIntermediatePublicValue(sa, round, result, context);
    case "shared-secret":
      return onIntermediateSharedSecret(sa, round, result);
    default:
      return { sa, effects: [] };
  }
}
