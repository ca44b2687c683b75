/** Messages, or parts of messages, that cannot be understood (RFC 7296 §2.5, §2.21.3). */

import { never } from "../octets/assert.ts";
import type { Malformed } from "../octets/reader.ts";
import type { Reason } from "../reason/reason.ts";
import { PayloadType } from "../wire/v2/message.ts";
import { NotifyType } from "../wire/v2/notify-type.ts";

export type MessageFault =
  | Malformed
  | { readonly kind: "unsupported-critical"; readonly payloadType: number }
  | { readonly kind: "missing-payload"; readonly exchange: string; readonly payload: string }
  /** A payload that the exchange needs is there, but its content is malformed. */
  | {
      readonly kind: "unreadable-payload";
      readonly exchange: string;
      readonly payloadType: number;
      readonly where: string;
      readonly detail: string;
    };

/** INVALID_SYNTAX ends the IKE SA (§2.21.3); another notify that fits keeps it. */
export function unreadableType(payloadType: number): number {
  if (payloadType === PayloadType.SA) return NotifyType.NO_PROPOSAL_CHOSEN;
  const isSelector = payloadType === PayloadType.TSi || payloadType === PayloadType.TSr;
  return isSelector ? NotifyType.TS_UNACCEPTABLE : NotifyType.INVALID_SYNTAX;
}

/** The words for operators. */
export function messageFaultText(fault: MessageFault): {
  readonly reason: Reason;
  readonly detail: string;
} {
  switch (fault.kind) {
    case "malformed":
      return { reason: "malformed", detail: `${fault.where}: ${fault.detail}` };
    case "missing-payload":
      return { reason: "malformed", detail: `${fault.exchange} without ${fault.payload} payload` };
    case "unreadable-payload":
      return {
        reason: "unreadable-payload",
        detail: `${fault.where} of the site's ${fault.exchange}: ${fault.detail}`,
      };
    case "unsupported-critical":
      return {
        reason: "unsupported-critical-payload",
        detail: `the site marks payload type ${fault.payloadType} as critical; it is unknown here`,
      };
    default:
      return never(fault);
  }
}
