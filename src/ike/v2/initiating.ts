/** The rounds between IKE_SA_INIT and the end of authentication, as initiator. */

import type { IkeContext } from "../effect.ts";
import type { IkeEvent } from "../event.ts";
import { beginAuth, onAuthResponse, onOwnSignature, onPeerVerified } from "./ike-auth-request.ts";
import type { AwaitingResponse, Initiating } from "./initiator-phase.ts";
import { counted, type MessageEvent } from "./known-peer-message.ts";
import { openMessage, type Read } from "./protect.ts";
import { MESSAGES_OF, type Round } from "./round.ts";
import type { Step } from "./step.ts";
import { unwelcomeEffects } from "./unwelcome.ts";

type RoundOfOurs = {
  readonly begin: (sa: Initiating, context: IkeContext) => Step;
  readonly onResponse: (
    sa: Initiating,
    round: AwaitingResponse,
    read: Read,
    context: IkeContext,
  ) => Step;
};

/** How each round begins, and how its response is handled. */
const OURS: Readonly<Record<Round, RoundOfOurs>> = {
  "ike-auth": { begin: beginAuth, onResponse: onAuthResponse },
};

/** Begins the first round of the list. */
export function beginRound(sa: Initiating, context: IkeContext): Step {
  const [next] = sa.half.rounds;
  return OURS[next].begin(sa, context);
}

/** A message during the rounds: only the response to the present round's request matters. */
export function onMessageInitiating(
  sa: Initiating,
  { header, octets }: MessageEvent,
  context: IkeContext,
): Step {
  const { half, round } = sa;
  const [next] = half.rounds;
  const { exchangeType, octetsMax } = MESSAGES_OF[next];
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
        effects: unwelcomeEffects(opened, "IKE_AUTH"),
      };
    default:
      return OURS[next].onResponse(sa, round, opened, context);
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
  return round.awaits === "signature"
    ? onOwnSignature(sa, round, result, context)
    : onPeerVerified(sa, round, result, context);
}
