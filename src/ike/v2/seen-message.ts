/** Messages as people read them: for who looks at one site closely. Nothing secret is in it. */

import { transformName } from "../../crypto/names.ts";
import { TransformType } from "../../crypto/transform.ts";
import { spi32Hex } from "../../octets/hex.ts";
import { identityText } from "../../wire/identity.ts";
import { type Payload, Protocol } from "../../wire/v2/message.ts";
import { notifyName } from "../../wire/v2/notify-type.ts";
import type { SaId } from "../sa-id.ts";
import { selectorTexts } from "../selector-text.ts";
import { proposalText } from "./proposal.ts";

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

/** What a text shows of a message, of an SA and of a Delete payload; the rest is a number. */
const PAYLOADS_SHOWN_MAX = 32;
const PROPOSALS_SHOWN_MAX = 8;
const SPIS_SHOWN_MAX = 8;

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

/** Only what is shown is put into words. */
function someOf<T>(all: readonly T[], max: number, textOf: (one: T) => string): readonly string[] {
  const texts = all.slice(0, max).map((one) => textOf(one));
  return all.length > max ? [...texts, `and ${all.length - max} more`] : texts;
}
