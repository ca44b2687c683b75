/** From a refusal to the notify that tells the peer (RFC 2408 §3.14.1). */

import { DOI_IPSEC, type NotifyPayload, Protocol } from "../../wire/v1/message.ts";
import { NotifyType } from "../../wire/v1/notify-type.ts";
import type { Refusal } from "../refusal.ts";

/** A notify about the ISAKMP SA or, with an SPI, about an IPsec SA. */
export function notify(
  type: number,
  about: Partial<Pick<NotifyPayload, "protocol" | "spi" | "data">> = {},
): NotifyPayload {
  const { protocol = Protocol.ISAKMP, spi = NOTHING, data = NOTHING } = about;
  return { kind: "NOTIFY", doi: DOI_IPSEC, protocol, spi, type, data };
}

/** What the peer is told of a refusal; undefined: nothing. */
export function errorNotify(
  refusal: Refusal,
  about: Partial<Pick<NotifyPayload, "protocol" | "spi">> = {},
): NotifyPayload | undefined {
  const type = errorType(refusal);
  return type === undefined ? undefined : notify(type, about);
}

function errorType({ kind }: Refusal): number | undefined {
  switch (kind) {
    case "no-proposal-chosen":
    case "no-additional-sas":
    case "no-additional-pairs":
    case "kernel":
    case "spi-in-use":
    case "subnet-in-use":
      return NotifyType.NO_PROPOSAL_CHOSEN;
    case "ts-unacceptable":
      return NotifyType.INVALID_ID_INFORMATION;
    case "key-exchange":
      return NotifyType.INVALID_KEY_INFORMATION;
    case "ikev1-unsupported":
      return NotifyType.UNSUPPORTED_EXCHANGE_TYPE;
    default:
      return undefined;
  }
}

const NOTHING = new Uint8Array(0);
