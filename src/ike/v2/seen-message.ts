/** The content of a message in readable form, without secrets. */

import { transformName } from "../../crypto/names.ts";
import { TransformType } from "../../crypto/transform.ts";
import { spi32Hex } from "../../octets/hex.ts";
import { IKE_HEADER_OCTETS, type IkeHeader } from "../../wire/header.ts";
import { identityText } from "../../wire/identity.ts";
import { exchangeName } from "../../wire/v2/exchange-type.ts";
import { type Payload, Protocol } from "../../wire/v2/message.ts";
import { notifyName } from "../../wire/v2/notify-type.ts";
import { parsePayloads } from "../../wire/v2/payload-chain.ts";
import type { SeenMessage } from "../seen-message.ts";
import { selectorTexts } from "../selector-text.ts";
import { proposalText } from "./proposal-text.ts";

/** A message of IKEv2 with its payloads, of which the words show only a part. */
export type SeenIkev2Message = SeenMessage & {
  readonly exchangeType: number;
  readonly payloads: readonly Payload[];
};

/** How much a text shows of a message, an SA and a Delete payload; the rest is a number. */
const PAYLOADS_SHOWN_MAX = 32;
const PROPOSALS_SHOWN_MAX = 8;
const SPIS_SHOWN_MAX = 8;

/** An unprotected message, such as IKE_SA_INIT; there may be no IKE SA for it. */
export function plainMessage(header: IkeHeader, octets: Uint8Array): Omit<SeenMessage, "way"> {
  const { spiI, spiR, exchangeType, messageId, flags } = header;
  const exchange = exchangeName(exchangeType);
  const inside = (): string => {
    const body = octets.subarray(IKE_HEADER_OCTETS);
    const parsed = parsePayloads(header.nextPayload, body, exchange);
    return parsed.ok ? payloadsText(parsed.value.payloads) : "cannot be read";
  };
  return { id: { spiI, spiR }, exchange, messageId, response: flags.response, inside };
}

/** `IDi(site-1) AUTH SA(AES_GCM_16_128/ESN) TSi(10.0.0.0/16) N(INITIAL_CONTACT)`. */
export function payloadsText(payloads: readonly Payload[]): string {
  if (payloads.length === 0) return "empty";
  return someOf(payloads, PAYLOADS_SHOWN_MAX, payloadText).join(" ");
}

function payloadText(payload: Payload): string {
  switch (payload.kind) {
    case "SA":
      return `SA(${someOf(payload.proposals, PROPOSALS_SHOWN_MAX, proposalText).join(" | ")})`;
    case "KE":
      return `KE(${transformName(TransformType.KE, payload.method, undefined)})`;
    case "IDi":
    case "IDr":
      return `${payload.kind}(${identityText(payload.identity)})`;
    case "AUTH":
      return `AUTH(method ${payload.method})`;
    case "NOTIFY": {
      const spi = payload.spi.length === 4 ? ` ${payload.spi.toHex()}` : "";
      return `N(${notifyName(payload.type)}${spi})`;
    }
    case "DELETE":
      return payload.protocol === Protocol.IKE
        ? "D(IKE SA)"
        : `D(${someOf(payload.spis, SPIS_SHOWN_MAX, spi32Hex).join(", ")})`;
    case "TSi":
    case "TSr":
      return `${payload.kind}(${selectorTexts(payload.selectors).join(" | ")})`;
    case "OPAQUE":
      return `payload ${payload.payloadType}`;
    case "UNREADABLE":
      return `unreadable(${payload.fault.where}: ${payload.fault.detail})`;
    default:
      return payload.kind;
  }
}

/** Only what is shown becomes text. */
function someOf<T>(all: readonly T[], max: number, textOf: (one: T) => string): readonly string[] {
  const texts = all.slice(0, max).map((one) => textOf(one));
  return all.length > max ? [...texts, `and ${all.length - max} more`] : texts;
}
