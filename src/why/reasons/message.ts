/** What the reasons mean whose cause is a message of the site, or a limit that it reached. */

import type { LimitReason, MessageReason } from "../../reason/reason.ts";
import type { Meaning } from "./meaning.ts";

const WARNING = { level: "warning", follows: "next-attempt" } as const;
export const ALIGN = "give both ends the same algorithms: `ike` and `esp` of the eroute";

export const MESSAGE_REASONS: Readonly<Record<MessageReason, Meaning>> = {
  malformed: {
    ...WARNING,
    words: "malformed message",
    advice: "look for a newer firmware of the site; a capture of its packets shows what it sends",
  },
  "unsupported-critical-payload": {
    ...WARNING,
    words: "insists on a payload that is unknown here",
    advice: "switch the extension off at the site",
  },
  "unreadable-payload": {
    ...WARNING,
    words: "a payload that makes no sense",
    advice:
      "the site breaks RFC 7296: report the detail to its maker; only this exchange has failed",
  },
  "message-too-long": {
    ...WARNING,
    words: "its first message is too long",
    advice: "have the site offer fewer proposals, and send fewer vendor IDs",
  },
  "fragments-refused": {
    ...WARNING,
    words: "its fragments are not accepted",
    advice:
      "set fragmentation = true of the eroute, or switch fragments off at the site as well; too " +
      "many or too long ones mean too many certificates, or too small fragments",
  },
  "no-proposal-chosen": { ...WARNING, words: "no algorithms in common", advice: ALIGN },
  "algorithms-of-eroute": {
    ...WARNING,
    words: "algorithms are not those of the eroute",
    advice: `the site chose what another eroute allows: ${ALIGN}`,
  },
  "invalid-ke-payload": {
    ...WARNING,
    words: "another key exchange was asked for",
    advice: "the site should come back with it; if not, configure that group at the site",
  },
  "key-exchange-failed": {
    ...WARNING,
    words: "the key exchange value is not valid",
    advice: "look for a newer firmware of the site",
  },
  "key-exchange-fault": {
    ...WARNING,
    words: "a key exchange could not be made here",
    advice: "the site tries again by itself; if it lasts, report this as a bug",
  },
  "bad-icv": {
    ...WARNING,
    words: "a message failed its integrity check",
    advice:
      "it was damaged or forged on the way, or the ends have different keys: capture the " +
      "packets at both ends and compare them",
  },
  "ikev1-unsupported": {
    ...WARNING,
    words: "it needs a part of IKEv1 that is not supported here",
    advice: "the detail says which: set its router accordingly, or to IKEv2",
  },
  ikev1: {
    ...WARNING,
    words: "it calls with IKEv1, which no eroute allows",
    advice:
      "set its router to IKEv2 (keyexchange=ikev2, ikev2=insist, IKE version 2); " +
      "`erouted peers remote-config {peer}` prints the whole set-up; or allow IKEv1 with " +
      'ike_version = "both" in its eroute',
  },
  "ikev1-mode": {
    ...WARNING,
    words: "it calls in a mode of IKEv1 that its eroute does not allow",
    advice: "set its router to the other mode, or ikev1_mode of its eroute",
  },
};

export const LIMIT_REASONS: Readonly<Record<LimitReason, Meaning>> = {
  "half-open-full": {
    ...WARNING,
    words: "too many negotiations at once",
    advice:
      "if these are your sites, raise half_open_max or half_open_memory; if they are strangers, " +
      "keep their addresses out with a firewall",
  },
  "key-exchanges-waiting": {
    ...WARNING,
    words: "too many key exchanges at once",
    advice:
      "the site repeats its request by itself; if it lasts, have the sites use x25519 or ecp256, " +
      "which need no queue",
  },
  "signatures-waiting": {
    ...WARNING,
    words: "too many signatures at once",
    advice:
      "the site calls again by itself; if it lasts, give the sites ECDSA certificates on P-256, " +
      "which cost least",
  },
  "ike-sas-over-limit": {
    ...WARNING,
    words: "too many IKE SAs of one site",
    advice:
      "find out why it makes new ones and deletes none; if several devices share its ID, raise " +
      "ike.ike_sas_per_site",
  },
  "child-sas-over-limit": {
    ...WARNING,
    words: "too many Child SAs of one site",
    advice:
      "find out why it makes new ones and deletes none; if it needs so many, raise " +
      "ike.child_sas_per_site",
  },
  "moves-delayed": {
    ...WARNING,
    words: "packets come from changing addresses or ports",
    advice:
      "look for a NAT or a load balancer that spreads the site's packets over several addresses",
  },
  "slowed-down": {
    ...WARNING,
    follows: "same-failure",
    words: "failed too often, and tries again too early",
    advice: "fix the earlier failure; the next attempt is examined within ten seconds",
  },
};
