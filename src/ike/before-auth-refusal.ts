/** Why a negotiation failed before the peer said who it is. */

import { never } from "../octets/assert.ts";
import type { Reason } from "../reason/reason.ts";

export type BeforeAuthRefusal =
  | { readonly kind: "half-open-timeout"; readonly detail: string }
  /** Its next message came in fragments, which are not accepted. */
  | { readonly kind: "fragments-refused"; readonly detail: string }
  | {
      readonly kind: "too-long";
      readonly exchange: string;
      readonly octets: number;
      readonly max: number;
    };

/** The words for the journal. */
export function beforeAuthText(refusal: BeforeAuthRefusal): { reason: Reason; detail: string } {
  switch (refusal.kind) {
    case "half-open-timeout":
      return { reason: "timeout", detail: refusal.detail };
    case "fragments-refused":
      return { reason: "fragments-refused", detail: refusal.detail };
    case "too-long": {
      const { exchange, octets, max } = refusal;
      const detail = `${exchange} of ${octets} octets, more than ${max}`;
      return { reason: "message-too-long", detail };
    }
    default:
      return never(refusal);
  }
}
