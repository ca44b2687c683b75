/** Messages of IKEv1 in readable form, for operators who trace one site. */

import { identityText } from "../../wire/identity.ts";
import { exchangeName, type IsakmpHeader } from "../../wire/v1/header.ts";
import { type Payload, Protocol } from "../../wire/v1/message.ts";
import { notifyName } from "../../wire/v1/notify-type.ts";
import { selectorOfId } from "../../wire/v1/traffic-id.ts";
import type { SeenMessage } from "../seen-message.ts";
import { selectorText } from "../selector-text.ts";

/** A message whose payloads are known; the words are made on demand. */
export function seenPayloads(
  way: SeenMessage["way"],
  header: Pick<IsakmpHeader, "spiI" | "spiR" | "exchangeType" | "messageId">,
  payloads: readonly Payload[],
): SeenMessage {
  const { spiI, spiR, exchangeType, messageId } = header;
  const exchange = exchangeName(exchangeType);
  const inside = () => payloads.map(payloadWords).join(", ");
  return { way, id: { spiI, spiR }, exchange, messageId, response: false, inside };
}

/** What a payload says, without secrets. */
function payloadWords(payload: Payload): string {
  const name = payload.kind;
  switch (payload.kind) {
    case "ID": {
      const selector = selectorOfId(payload);
      const text = selector === undefined ? identityText(payload.identity) : selectorText(selector);
      return `${name} ${text}`;
    }
    case "NOTIFY":
      return `${name} ${notifyName(payload.type)}`;
    case "DELETE": {
      const of = payload.protocol === Protocol.ISAKMP ? "ISAKMP SA" : "IPsec SA";
      return `${name} of ${payload.spis.length} ${of}`;
    }
    case "SA":
      return `${name} of ${payload.proposals.length} proposals`;
    case "OPAQUE":
    case "UNREADABLE":
      return `${name} payload of type ${payload.payloadType}`;
    default:
      return name;
  }
}
