/** Informational exchanges that we send: one message, without an answer (RFC 2409 §5.7). */

import { ExchangeType } from "../../wire/v1/header.ts";
import { DOI_IPSEC, type Payload, Protocol } from "../../wire/v1/message.ts";
import type { IkeContext } from "../effect.ts";
import type { Established } from "./established-phase.ts";
import { cookieOctets } from "./keys.ts";
import { firstIv, hashed, newMessageId, type Secured, sealMessage } from "./protect.ts";
import type { IkeEffect } from "./step.ts";

/** Sends one; the ISAKMP SA stays as it is. */
export function sendInformational(
  sa: Established,
  payloads: readonly Payload[],
  context: IkeContext,
): { readonly sa: Established; readonly effects: readonly IkeEffect[] } {
  return { sa, effects: [informationalOf(sa, payloads, context)] };
}

/** What is needed to send one. */
type Sender = Secured & Pick<Established, "path" | "quickModes">;

/** Tells the peer that the ISAKMP SA is deleted. */
export function deleteIsakmp(sender: Sender, context: IkeContext): IkeEffect {
  const protocol = Protocol.ISAKMP;
  const spis = [cookieOctets(sender.id)];
  return informationalOf(sender, [{ kind: "DELETE", doi: DOI_IPSEC, protocol, spis }], context);
}

function informationalOf(
  sender: Sender,
  payloads: readonly Payload[],
  context: IkeContext,
): IkeEffect {
  const messageId = newMessageId(sender, context);
  const { INFORMATIONAL } = ExchangeType;
  const head = { exchangeType: INFORMATIONAL, messageId, iv: firstIv(sender, messageId) };
  const { octets } = sealMessage(sender, head, hashed(sender, messageId, payloads), context);
  return { kind: "send", octets, path: sender.path };
}
