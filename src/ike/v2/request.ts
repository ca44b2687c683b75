/** Requests of our own: sealed once, sent until they are answered (RFC 7296 §2.1, §2.4). */

import { later } from "../../octets/instant.ts";
import { ExchangeType } from "../../wire/exchange-type.ts";
import type { Payload } from "../../wire/message.ts";
import type { IkeContext } from "../effect.ts";
import { REQUEST_ATTEMPTS_MAX, RETRANSMIT_BACKOFF, RETRANSMIT_MS_FIRST } from "../limits.ts";
import type { Established, InFlight } from "../phase.ts";
import { sealMessage } from "../protect.ts";

/** An INFORMATIONAL request with the next message ID, as its first copy. */
export function informationalRequest(
  sa: Established,
  payloads: readonly Payload[],
  context: IkeContext,
  attemptsMax: number = REQUEST_ATTEMPTS_MAX,
): InFlight {
  const messageId = sa.outbound.nextId;
  const head = { exchangeType: ExchangeType.INFORMATIONAL, response: false, messageId };
  return {
    messageId,
    octets: sealMessage(sa, head, payloads, context.random),
    attempts: 1,
    attemptsMax,
    retransmitAt: later(context.now, RETRANSMIT_MS_FIRST),
  };
}

/** The next copy of a request that got no answer so far; undefined when it is enough. */
export function retransmission(inFlight: InFlight, context: IkeContext): InFlight | undefined {
  const { messageId, octets, attempts, attemptsMax } = inFlight;
  if (attempts >= attemptsMax) return undefined;
  const retransmitAt = later(context.now, RETRANSMIT_MS_FIRST * RETRANSMIT_BACKOFF ** attempts);
  return { messageId, octets, attempts: attempts + 1, attemptsMax, retransmitAt };
}
