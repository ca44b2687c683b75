/** The journal's words for what went wrong in exchanges of an established IKE SA. */

import type { Reason } from "./reason.ts";

const COMPARE =
  "compare `ike` and `esp` of the eroute with the site's proposals, its groups too (PFS)";

export const REKEY_REASONS: Readonly<Record<string, Reason>> = {
  "unreadable-payload": {
    words: "a payload that makes no sense",
    advice:
      "the site breaks RFC 7296: report the detail to its maker; only this exchange has failed",
  },
  "rekey-refused": {
    words: "the site refuses new keys",
    advice: `${COMPARE}; the refusals before this one say what it was asked for`,
  },
  "keys-refused": {
    words: "the site refused new keys until the old ones were over",
    advice: COMPARE,
  },
};
