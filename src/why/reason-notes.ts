/** Words and advice for what is no failure, should it be the last that is known of a site. */

const AGAIN =
  "it can call again at any time; `erouted events --site {peer}` shows what came before";

type Words = { readonly words: string; readonly advice: string };

export const NOTE_REASONS: Readonly<Record<string, Words>> = {
  "child-sa-up": {
    words: "it was connected, and no end of it was noted",
    advice: AGAIN,
  },
  established: {
    words: "its IKE SA was made",
    advice: "have the site ask for a Child SA: without one no packet passes",
  },
  "child-deleted": {
    words: "the site closed its Child SA",
    advice: "if it was not meant to, look at the site's own log; it can ask for a new one",
  },
  "child-expired": {
    words: "its Child SA came to the end of its lifetime",
    advice: "look at the refused rekeys before it; the next packet asks for a new one",
  },
  rekeyed: { words: "new keys took its place", advice: AGAIN },
  redundant: { words: "another IKE SA of the site stayed", advice: AGAIN },
  expired: { words: "its lifetime was over", advice: AGAIN },
};
