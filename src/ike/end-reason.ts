/** Why an IKE SA has ended. */

import type { Reason } from "../reason/reason.ts";
import type { Gateway } from "../wire/gateway.ts";
import { type Refusal, refusalText } from "./refusal.ts";

/** Why an IKE SA is over. */
export type EndReason =
  | { readonly kind: "refused"; readonly refusal: Refusal }
  | { readonly kind: "peer-deleted" }
  | { readonly kind: "we-deleted"; readonly why: Reason }
  | { readonly kind: "replaced-by-rekey" }
  /** The initiator was redirected to another gateway (RFC 5685). */
  | { readonly kind: "redirected"; readonly to: Gateway };

/** The reason as one word of the closed list. */
export function endWord(reason: EndReason): Reason {
  switch (reason.kind) {
    case "refused":
      return refusalText(reason.refusal).reason;
    case "we-deleted":
      return reason.why;
    default:
      return reason.kind;
  }
}
