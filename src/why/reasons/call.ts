/** What the reasons mean after which a call or request of ours failed. */

import type { CallReason, PeerRefusedReason } from "../../reason/reason.ts";
import type { Meaning } from "./meaning.ts";
import { ALIGN } from "./message.ts";

const WARNING = { level: "warning", follows: "next-attempt" } as const;

export const CALL_REASONS: Readonly<Record<CallReason, Meaning>> = {
  "no-answer": {
    ...WARNING,
    words: "nobody answers",
    advice: "look at peerip and bakpeerip of its row, and whether UDP 500 and 4500 reach the site",
  },
  unanswered: {
    ...WARNING,
    words: "its request got no answer in time",
    advice: "see the attempt before it for the reason; the site calls again by itself",
  },
  timeout: {
    ...WARNING,
    words: "the site stopped answering",
    advice:
      "our answers do not reach it, or its next message does not reach us: look for a firewall, " +
      "a NAT that drops UDP 4500, or a path that drops large packets",
  },
  "no-peer-address": {
    ...WARNING,
    words: "there is no address to call",
    advice: "fill peerip of its row to have it called; without one, the site has to call",
  },
  "no-remote-mask": {
    ...WARNING,
    words: "a packet leads to no row",
    advice: 'set remote_mask of the egroup, or start = "never"',
  },
  resolve: {
    ...WARNING,
    words: "its host name has no address",
    advice: "look at peerip of its row, and at the name server",
  },
  calling: {
    level: "info",
    follows: "nothing",
    words: "it is being called",
    advice: "wait for the result",
  },
};

const REFUSED = {
  ...WARNING,
  words: "the site refused",
  advice: "the site's own log says why",
};

const WANTS_OTHERS = { ...WARNING, words: "the site wants other algorithms", advice: ALIGN };

/** Its own log says more than its answer. */
export const PEER_REFUSED_REASONS: Readonly<Record<PeerRefusedReason, Meaning>> = {
  "peer-refused-no-proposal-chosen": WANTS_OTHERS,
  "peer-refused-authentication-failed": {
    ...WARNING,
    words: "the site rejects our authentication",
    advice:
      "compare the keys (a PPK too) and both IDs (ourid of row or eroute) with the site's; see " +
      "its log",
  },
  "peer-refused-ts-unacceptable": {
    ...WARNING,
    words: "the site wants other subnets",
    advice: "compare its networks with the row (remip, remmsk) and local_subnet of the eroute",
  },
  "peer-refused-unsupported-critical-payload": REFUSED,
  "peer-refused-invalid-ike-spi": REFUSED,
  "peer-refused-invalid-major-version": REFUSED,
  "peer-refused-invalid-syntax": REFUSED,
  "peer-refused-invalid-message-id": REFUSED,
  "peer-refused-invalid-spi": REFUSED,
  "peer-refused-invalid-ke-payload": REFUSED,
  "peer-refused-single-pair-required": REFUSED,
  "peer-refused-no-additional-sas": REFUSED,
  "peer-refused-internal-address-failure": REFUSED,
  "peer-refused-failed-cp-required": REFUSED,
  "peer-refused-invalid-selectors": REFUSED,
  "peer-refused-unacceptable-addresses": REFUSED,
  "peer-refused-unexpected-nat-detected": REFUSED,
  "peer-refused-temporary-failure": REFUSED,
  "peer-refused-child-sa-not-found": REFUSED,
  "peer-refused": REFUSED,
};
