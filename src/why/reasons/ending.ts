/** What the reasons mean for which an IKE SA or a Child SA ends. */

import type { EndingReason } from "../../reason/reason.ts";
import type { Meaning } from "./meaning.ts";

const END = { level: "info", follows: "end" } as const;

const AGAIN =
  "it can call again at any time; `erouted events --site {peer}` shows what came before";

export const ENDING_REASONS: Readonly<Record<EndingReason, Meaning>> = {
  "peer-deleted": {
    ...END,
    follows: "end-by-failure",
    words: "the site closed it",
    advice: "if it was not meant to, look at the site's own log; it can call again at any time",
  },
  "peer-silent": {
    ...END,
    level: "warning",
    words: "the site went silent",
    advice:
      "its line or power has failed, or a NAT has forgotten it; it can call again at any time",
  },
  "replaced-by-newer": {
    ...END,
    follows: "newer-ike-sa",
    words: "the site called again",
    advice: "nothing is to be done, unless two sites use the same ID: then give each its own",
  },
  "replaced-by-rekey": {
    ...END,
    follows: "successor",
    words: "new keys took its place",
    advice: AGAIN,
  },
  redundant: {
    ...END,
    follows: "successor",
    words: "another IKE SA of the site stayed",
    advice: AGAIN,
  },
  rekeyed: { ...END, follows: "successor", words: "new keys took its place", advice: AGAIN },
  expired: { ...END, follows: "nothing", words: "its lifetime was over", advice: AGAIN },
  "address-gone": {
    ...END,
    words: "our own address went away",
    advice:
      "bring the address back to this machine (`ip address`); the site can call any other that " +
      "is listened on",
  },
  redirected: {
    ...END,
    words: "it was sent to another gateway",
    advice: "look for it there; it can call again at any time",
  },
  "redirect-loop": {
    level: "warning",
    follows: "next-attempt",
    words: "gateways redirect us in a circle",
    advice: "correct where the gateways redirect to, or set follow_redirect = false",
  },
  inactive: {
    ...END,
    words: "no packets for the inactivity time",
    advice: "the next packet brings it back; `inactivity` of the eroute is how long it waits",
  },
  "lifetime-over": {
    ...END,
    words: "its keys could not be replaced in time",
    advice: "see the failures before it: the site refused to rekey, or was away",
  },
  "reauthentication-overdue": {
    ...END,
    words: "did not reauthenticate in time",
    advice: 'the site has to be able to reauthenticate (RFC 4478), or set reauth = "off"',
  },
  "disconnected-by-hand": {
    ...END,
    words: "an operator disconnected it",
    advice: "it can call again at any time",
  },
  reconfigured: {
    ...END,
    level: "warning",
    words: "the configuration has changed meanwhile",
    advice: "the next attempt uses the new configuration",
  },
  "row-changed": {
    level: "warning",
    follows: "row-again",
    words: "its row has changed",
    advice: "the next attempt is made with the new row",
  },
  "row-removed": {
    level: "warning",
    follows: "row-again",
    words: "its row is gone",
    advice: "add the row again if it was not meant to go",
  },
  evicted: {
    ...END,
    level: "warning",
    words: "evicted to make room",
    advice: "raise dynamic_eroutes.max: it was the oldest when too few were free",
  },
  shutdown: { ...END, words: "erouted was stopped", advice: "it can call again" },
  "not-connected": {
    ...END,
    words: "it is not connected",
    advice: "it has to call, or to be called",
  },
  "internal-error": {
    level: "error",
    follows: "next-attempt",
    words: "a bug in erouted",
    advice: "report this as a bug, with what `erouted events --site {peer}` shows",
  },
  discarded: {
    level: "error",
    follows: "next-attempt",
    words: "given up after a bug",
    advice: "report this as a bug, with what `erouted events --site {peer}` shows",
  },
};
