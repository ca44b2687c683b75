/** Times and bounds of one IKE SA, beside what they drive. */

/**
 * Answers to failed negotiations go out on multiples of this after the request: no time oracle.
 * Where rows are looked up it is so many of these steps that the slowest look-up has ended by then,
 * whether there was one or not.
 */
export const REFUSAL_STEP_MS = 500;

/**
 * Repeats of an IKE_AUTH request that is not answered are judged at most so often: each may cost a
 * look-up.
 */
export const REPEAT_MS_MIN = 500;

/**
 * A longer IKE_SA_INIT request is not taken: AUTH covers the whole of it, so the whole is kept of
 * every stranger (RFC 7296 §2.15). 3,000 octets have to be possible (§2).
 */
export const INIT_OCTETS_MAX = 4_096;

/** The same of IKE_AUTH, whole or in fragments: room for a chain of certificates. */
export const AUTH_OCTETS_MAX = 32_768;

/** How long an ended IKE SA answers repeats of its last request. */
export const LINGER_MS = 10_000;

/** After a rekey the peer deletes the old SA; if it does not, we do, after so long. */
export const REPLACED_MS = 30_000;

/**
 * A site that calls again from the same place, without saying that it knows of nothing else, may be
 * authenticating anew: what it had goes when the answer to its call is sure to have come.
 */
export const SUPERSEDED_MS = 10_000;

/** A site that was sent to another gateway has so long to get ready there (RFC 5685 §5). */
export const REDIRECT_MS = 30_000;

/** Waits between the copies of a request are so much longer or shorter: not all at once. */
export const RETRANSMIT_SPREAD = 0.2;

/** A Delete of the IKE SA is sent at most so many times: we forget it anyway. */
export const DELETE_ATTEMPTS_MAX = 4;

/** Copies of IKE_SA_INIT to one address of a site, over some 20 s, before the next is called. */
export const CALL_ATTEMPTS_MAX = 5;

/** How often a peer may ask for a cookie, or another group, before we give up (RFC 7296 §2.6). */
export const DETOURS_MAX = 5;

/**
 * A rekey that the peer refuses for now is tried again after so long, and up to twice that; keys
 * that do not live long are not kept waiting for more than a share of their lifetime.
 */
export const RETRY_MS = 5_000;
export const RETRY_SHARE = 0.05;
export const RETRY_MS_MIN = 500;

/**
 * New keys that the peer refuses in every form are asked for again later and later: so much longer
 * each time, which grows so often at most.
 */
export const ROUND_FACTOR = 4;
export const REFUSED_ROUNDS_MAX = 5;

/** A peer that has been too busy for new keys for so long has lost its way (RFC 7296 §2.25). */
export const BUSY_MS_MAX = 180_000;

/** Keys are replaced when between this share and all of their lifetime is over: not all at once. */
export const REKEY_SHARE_MIN = 0.8;

/** An IKE SA whose keys cannot be replaced lives so many lifetimes, or so much longer, at most. */
export const HARD_LIFETIMES = 1.5;
export const HARD_MS_MIN = 60_000;

/**
 * An IKE SA whose message IDs come so far is rekeyed, and closed when that does not help: the few
 * that are left are for what is under way, and for its Delete (RFC 7296 §2.2).
 */
export const MESSAGE_ID_REKEY = 0xffff_0000;
export const MESSAGE_ID_MAX = 0xffff_ff00;

/** Hints and complaints outside of any order are heeded at most so often. */
export const NOTICE_MS = 10_000;

/** Things to ask for that can wait at the same time. */
export const TASKS_MAX = 64;

/**
 * An IKE SA without any Child SA is deleted after so long: time enough for a site that asks for its
 * Child SAs later (RFC 6023), or anew after it was refused one.
 */
export const CHILDLESS_MS = 300_000;

/** Certificates of one IKE_AUTH message: the peer's own and those between it and its root. */
export const CERTIFICATES_MAX = 8;
export const CERTIFICATE_OCTETS_MAX = 8_192;

/** How long we wait for our own signature, or the judgement of the peer's, when we call. */
export const SIGNATURE_MS = 20_000;

export const NONCE_OCTETS = 32;

/** Headers of IPv6 and UDP, and the non-ESP marker: what an IP packet has around an IKE message. */
export const AROUND_MESSAGE_OCTETS = 52;

/** 1280 octets, which every IPv6 path carries, without what is around a message. */
export const FRAGMENT_OCTETS = 1_280 - AROUND_MESSAGE_OCTETS;

/**
 * What a half-open IKE SA takes beside the messages that are kept of it: keys, nonces, places in
 * tables, and the objects around them. Measured, and rounded up.
 */
export const HALF_OPEN_OCTETS = 6_144;
