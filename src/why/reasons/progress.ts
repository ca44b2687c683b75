/** What the reasons mean that are not failures, if one is the last that is known of a site. */

import type { ProgressReason } from "../../reason/reason.ts";
import type { Meaning } from "./meaning.ts";

const NOTE = { level: "info", follows: "nothing" } as const;

const AGAIN =
  "it can call again at any time; `erouted events --site {peer}` shows what came before";

export const PROGRESS_REASONS: Readonly<Record<ProgressReason, Meaning>> = {
  established: {
    ...NOTE,
    words: "its IKE SA was made",
    advice: "have the site ask for a Child SA: without one no packet passes",
  },
  "child-sa-up": {
    ...NOTE,
    follows: "connected",
    words: "it was connected, and no end of it was noted",
    advice: AGAIN,
  },
  "child-sa-rekeyed": { ...NOTE, words: "its Child SA has new keys", advice: AGAIN },
  "ike-sa-rekeyed": { ...NOTE, words: "its IKE SA has new keys", advice: AGAIN },
  "child-deleted": {
    ...NOTE,
    follows: "end",
    words: "the site closed its Child SA",
    advice: "if it was not meant to, look at the site's own log; it can ask for a new one",
  },
  "child-expired": {
    ...NOTE,
    follows: "end",
    words: "its Child SA came to the end of its lifetime",
    advice: "look at the refused rekeys before it; the next packet asks for a new one",
  },
  "peer-lost-it": {
    ...NOTE,
    words: "the site lost a Child SA, and gets a new one",
    advice: "if it happens again and again, look at the site's own log",
  },
  "inner-address": { ...NOTE, words: "it was given a virtual IP", advice: AGAIN },
  created: { ...NOTE, words: "its dynamic eroute was made", advice: AGAIN },
  removed: { ...NOTE, words: "its dynamic eroute is gone with its last SA", advice: AGAIN },
  "redirect-followed": {
    ...NOTE,
    words: "the site sent us to another gateway, which is called",
    advice: "if it was not meant to, correct where the site redirects to",
  },
  message: { level: "debug", follows: "nothing", words: "a message", advice: AGAIN },
};
