/** Our own requests: sealed once, sent until they are answered (RFC 7296 §2.1, §2.4). */

import type { Retransmission } from "../../inet/retransmission.ts";
import { later } from "../../octets/instant.ts";
import { ExchangeType } from "../../wire/v2/exchange-type.ts";
import type { Payload } from "../../wire/v2/message.ts";
import type { IkeContext } from "../effect.ts";
import { around } from "../jitter.ts";
import { ATTEMPTS_IN_FLOOD_MAX, RETRANSMIT_SPREAD } from "../limits.ts";
import { sends } from "./answer.ts";
import type { Asking } from "./asking.ts";
import type { Established } from "./established-phase.ts";
import { sealMessage } from "./protect.ts";
import type { IkeEffect, Step } from "./step.ts";
import type { InFlight } from "./window.ts";

/** The first copy of a request. */
export function firstCopy(
  messageId: number,
  datagrams: readonly Uint8Array[],
  retransmission: Retransmission,
  context: IkeContext,
): InFlight {
  const { attemptsMax, firstMs } = retransmission;
  const retransmitAt = later(context.now, around(firstMs, RETRANSMIT_SPREAD, context.random));
  return { messageId, datagrams, attempts: 1, attemptsMax, retransmitAt };
}

/** Seals a request under the next message ID and sends its first copy. */
export function ask(
  sa: Established,
  exchangeType: number,
  payloads: readonly Payload[],
  context: IkeContext,
): { readonly sa: Established; readonly effects: readonly IkeEffect[] } {
  const messageId = sa.outbound.nextId;
  const head = { exchangeType, response: false, messageId };
  const datagrams = sealMessage(sa, head, payloads, context);
  const inFlight = firstCopy(messageId, datagrams, sa.settings.retransmission, context);
  const outbound = { nextId: messageId + 1, inFlight };
  return { sa: { ...sa, outbound }, effects: sends(datagrams, sa.path) };
}

/** Sends an INFORMATIONAL request, which becomes the exchange under way. */
export function askInformational(
  sa: Established,
  payloads: readonly Payload[],
  asking: Asking,
  context: IkeContext,
): Step {
  const asked = ask(sa, ExchangeType.INFORMATIONAL, payloads, context);
  return { sa: { ...asked.sa, asking }, effects: asked.effects };
}

/**
 * The next copy of an unanswered request; undefined when there have been enough. While datagrams to
 * us are lost, silence says little about the peer: it gets some copies more.
 */
export function retransmission(
  inFlight: InFlight,
  { firstMs, backoff }: Retransmission,
  context: IkeContext,
): InFlight | undefined {
  const { messageId, datagrams, attempts, attemptsMax } = inFlight;
  const enough = attemptsMax + (context.hasLost ? ATTEMPTS_IN_FLOOD_MAX : 0);
  if (attempts >= enough) return undefined;
  const longer = Math.min(attempts, attemptsMax - 1);
  const waitMs = around(firstMs * backoff ** longer, RETRANSMIT_SPREAD, context.random);
  const retransmitAt = later(context.now, waitMs);
  return { messageId, datagrams, attempts: attempts + 1, attemptsMax, retransmitAt };
}
