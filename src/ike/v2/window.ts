/**
 * Message IDs before authentication (RFC 7296 §2.2): each direction counts its own requests from 0
 * on, in whatever exchanges they are, and an established IKE SA goes on from there.
 */

/** Which ID the next request of the peer has, and the next one of ours. */
export type Window = { readonly inbound: number; readonly outbound: number };

/** The ID of IKE_SA_INIT, however often it is begun anew (§2.2). */
export const FIRST_MESSAGE_ID = 0;

/** Before the first request. */
export const NEW_WINDOW: Window = { inbound: FIRST_MESSAGE_ID, outbound: FIRST_MESSAGE_ID };

/** The peer's request is answered: its next one has the next ID. */
export function afterAnswer({ inbound, outbound }: Window): Window {
  return { inbound: inbound + 1, outbound };
}

/** A request of ours has taken its ID. */
export function afterRequest({ inbound, outbound }: Window): Window {
  return { inbound, outbound: outbound + 1 };
}
