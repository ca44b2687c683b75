/** Times and bounds of one IKE SA, beside what they drive. */

/** Answers to failed negotiations go out on multiples of this after the request: no time oracle. */
export const REFUSAL_ANSWER_MS = 500;

/** How long an ended IKE SA answers repeats of its last request. */
export const LINGER_MS = 10_000;

/** After a rekey the peer deletes the old IKE SA; if it does not, we do, after so long. */
export const REPLACED_MS = 30_000;

/** First wait for a response; each further one is 1.8 times longer. */
export const RETRANSMIT_MS_FIRST = 1_000;
export const RETRANSMIT_BACKOFF = 1.8;

/** So many copies of a request, over some 75 s, before the site counts as gone (§2.4). */
export const REQUEST_ATTEMPTS_MAX = 7;

/** A Delete of the IKE SA is sent at most so many times: we forget it anyway. */
export const DELETE_ATTEMPTS_MAX = 4;

/** Child SAs of one site, those being replaced included. */
export const CHILD_SAS_MAX = 16;

export const NONCE_OCTETS = 32;
