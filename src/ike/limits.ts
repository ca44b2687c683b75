/** Times and bounds of one IKE SA, and what each of them is for. */

/**
 * A failed negotiation is answered at a multiple of this after the request, so that the time of
 * the answer reveals nothing. If an eroute looks up rows, the multiple is longer than the slowest
 * look-up, also for sites that need none.
 */
export const REFUSAL_STEP_MS = 500;

/**
 * Repeats of an unanswered IKE_AUTH request are judged at most this often, because each may need a
 * look-up.
 */
export const REPEAT_MS_MIN = 500;

/**
 * A longer IKE_SA_INIT request is not accepted: AUTH covers all of it, so all of it is stored for
 * each stranger (RFC 7296 §2.15). 3,000 octets must be possible (§2).
 */
export const INIT_OCTETS_MAX = 4_096;

/** The same for IKE_AUTH, whole or in fragments: room for a chain of certificates. */
export const AUTH_OCTETS_MAX = 32_768;

/** The same for IKE_INTERMEDIATE: room for the longest public values. */
export const INTERMEDIATE_OCTETS_MAX = 8_192;

/** How long an ended IKE SA answers repeats of its last request. */
export const LINGER_MS = 10_000;

/**
 * How long the third message of a Quick Mode of ours is kept: nobody answers it, so a peer that has
 * not got it repeats the second one. strongSwan does so for 165 seconds.
 */
export const THIRD_MESSAGE_MS = 180_000;

/** After a rekey the peer deletes the old SA; if it does not, we do so after this time. */
export const REPLACED_MS = 30_000;

/**
 * A site that calls again from the same address without INITIAL_CONTACT may be reauthenticating:
 * its old IKE SA is closed when the answer to the new call has surely arrived.
 */
export const SUPERSEDED_MS = 10_000;

/**
 * How long we wait for the next additional key exchange of a rekey: 5 to 20 seconds are enough (RFC
 * 9370 §2.2.4).
 */
export const FOLLOWUP_MS = 20_000;

/** How long a redirected site has to connect to the other gateway (RFC 5685 §5). */
export const REDIRECT_MS = 30_000;

/** Waits between copies of a request vary by this share, so that copies do not come in step. */
export const RETRANSMIT_SPREAD = 0.2;

/**
 * After so many copies the next one is seconds away, and its answer unlikely: when a network fails,
 * all sites of a fleet are in this state at a time.
 */
export const UNANSWERED_ATTEMPTS = 2;

/** Copies more of a request while datagrams to us are lost. */
export const ATTEMPTS_IN_FLOOD_MAX = 6;

/** A Delete of the IKE SA is sent at most this often: afterwards we forget it in any case. */
export const DELETE_ATTEMPTS_MAX = 4;

/** Copies of IKE_SA_INIT to one address of a site, over some 20 s, before the next one is tried. */
export const CALL_ATTEMPTS_MAX = 5;

/** How often a peer may ask for a cookie or another group before we give up (RFC 7296 §2.6). */
export const DETOURS_MAX = 5;

/**
 * A rekey that the peer refuses for now is tried again after this time, or up to twice as long.
 * Keys with a short lifetime wait for at most a share of it.
 */
export const RETRY_MS = 5_000;
export const RETRY_SHARE = 0.05;
export const RETRY_MS_MIN = 500;

/**
 * If the peer refuses new keys in every form, each further round waits longer than the one before:
 * by this factor, which is applied at most so often.
 */
export const ROUND_FACTOR = 4;
export const REFUSED_ROUNDS_MAX = 5;

/** A peer that has been too busy for new keys for this long is confused (RFC 7296 §2.25). */
export const BUSY_MS_MAX = 180_000;

/** Keys are replaced at a random time between this share and the whole of their lifetime. */
export const REKEY_SHARE_MIN = 0.8;

/** An IKE SA that cannot be rekeyed lives at most this many lifetimes, or this much longer. */
export const HARD_LIFETIMES = 1.5;
export const HARD_MS_MIN = 60_000;

/**
 * An IKE SA is rekeyed when its message IDs reach the first number, and closed when they reach the
 * second: the few that remain are for exchanges under way and for its Delete (RFC 7296 §2.2).
 */
export const MESSAGE_ID_REKEY = 0xffff_0000;
export const MESSAGE_ID_MAX = 0xffff_ff00;

/** Unauthenticated hints, and requests outside the window, lead to a message at most this often. */
export const NOTICE_MS = 10_000;

/** How many tasks can wait at the same time. */
export const TASKS_MAX = 64;

/**
 * An IKE SA without a Child SA is deleted after this time. It is long enough for a site that asks
 * for its Child SAs later (RFC 6023), or again after a refusal.
 */
export const CHILDLESS_MS = 300_000;

/** Certificates in one IKE_AUTH message: the peer's own, and those between it and its root. */
export const CERTIFICATES_MAX = 8;
export const CERTIFICATE_OCTETS_MAX = 8_192;

/** How long we wait, as initiator, until a signature has been made or verified. */
export const SIGNATURE_MS = 20_000;

/** How long we wait, as initiator, for a step of a key exchange: threads may have to prepare. */
export const KEY_EXCHANGE_MS = 60_000;

export const NONCE_OCTETS = 32;

/** What an IP packet adds to an IKE message: headers of IPv6 and UDP, and the non-ESP marker. */
export const AROUND_MESSAGE_OCTETS = 52;

/** The 1280 octets that every IPv6 path carries, less what an IP packet adds. */
export const FRAGMENT_OCTETS = 1_280 - AROUND_MESSAGE_OCTETS;

/**
 * Memory of a half-open IKE SA beside the messages that it stores: keys, nonces, entries in tables,
 * and the objects around them. Measured, and rounded up.
 */
export const HALF_OPEN_OCTETS = 6_144;
