/** Messages as people read them: for who looks at one site closely. Nothing secret is in it. */

import { transformName } from "../crypto/names.ts";
import { TransformType } from "../crypto/transform.ts";
import { spi32Hex } from "../octets/hex.ts";
import { type Payload, Protocol } from "../wire/message.ts";
import { notifyName } from "../wire/notify-type.ts";
import { identityText } from "../wire/payload/id.ts";
import type { SaId } from "./phase.ts";
import { selectorText } from "./v2/narrow.ts";
import { proposalText } from "./v2/proposal.ts";

/** A message that was opened, or is about to be sealed. */
export type SeenMessage = {
  readonly way: "received" | "sent";
  readonly id: Pick<SaId, "spiI" | "spiR">;
  readonly exchangeType: number;
  readonly messageId: number;
  readonly response: boolean;
  readonly payloads: readonly Payload[];
};

/** Told of each message of each IKE SA; undefined where nobody looks: then it costs nothing. */
export type MessageListener = ((message: SeenMessage) => void) | undefined;

const PROPOSALS_MAX = 8;
const SELECTORS_MAX = 8;

/** `IDi(site-1) AUTH SA(AES_GCM_16_128/ESN) TSi(10.0.0.0/16) N(INITIAL_CONTACT)`. */
export function payloadsText(payloads: readonly Payload[]): string {
  return payloads.length === 0 ? "empty" : payloads.map(payloadText).join(" ");
}

function payloadText(payload: Payload): string {
  switch (payload.kind) {
    case "SA":
      return `SA(${someOf(payload.proposals.map(proposalText), PROPOSALS_MAX)})`;
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
        : `D(${payload.spis.map(spi32Hex).join(", ")})`;
    case "TSi":
    case "TSr":
      return `${payload.kind}(${someOf(payload.selectors.map(selectorText), SELECTORS_MAX)})`;
    case "OPAQUE":
      return `payload ${payload.payloadType}`;
    default:
      return payload.kind;
  }
}

function someOf(texts: readonly string[], max: number): string {
  const more = texts.length > max ? `, and ${texts.length - max} more` : "";
  return `${texts.slice(0, max).join(" | ")}${more}`;
}
