/** Informational exchanges that we send: one message, without an answer (RFC 2409 §5.7). */

import { ExchangeType } from "../../wire/v1/header.ts";
import type { Payload } from "../../wire/v1/message.ts";
import type { IkeContext } from "../effect.ts";
import type { Established } from "./established-phase.ts";
import { firstIv, hashed, newMessageId, sealMessage } from "./protect.ts";
import type { IkeEffect } from "./step.ts";

/** Sends one; the ISAKMP SA stays as it is. */
export function sendInformational(
  sa: Established,
  payloads: readonly Payload[],
  context: IkeContext,
): { readonly sa: Established; readonly effects: readonly IkeEffect[] } {
  const messageId = newMessageId(sa, context);
  const head = { exchangeType: ExchangeType.INFORMATIONAL, messageId, iv: firstIv(sa, messageId) };
  const { octets } = sealMessage(sa, head, hashed(sa, messageId, payloads), context);
  return { sa, effects: [{ kind: "send", octets, path: sa.path }] };
}
