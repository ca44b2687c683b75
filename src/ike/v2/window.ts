/**
 * Message IDs, and requests and responses under way (RFC 7296 §2.1-2.3). Each direction counts its
 * own requests from 0, whatever exchange they belong to.
 */

import type { Path } from "../../inet/endpoint.ts";
import type { Instant } from "../../octets/instant.ts";

/** Before authentication: the ID of the peer's next request, and that of our next one. */
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

/** Our requests to the peer: one at a time (RFC 7296 §2.3). */
export type Outbound = {
  readonly nextId: number;
  readonly inFlight: InFlight | undefined;
};

/** A request of ours that is repeated until it is answered (§2.1). */
export type InFlight = {
  readonly messageId: number;
  readonly datagrams: readonly Uint8Array[];
  readonly attempts: number;
  /** The number of copies after which the peer is regarded as gone. */
  readonly attemptsMax: number;
  readonly retransmitAt: Instant;
};

/** The peer's requests: the next ID, and the last response for repeats (§2.1). */
export type Inbound = {
  readonly nextId: number;
  readonly lastResponse: readonly Uint8Array[] | undefined;
  /** The path of the last request, to which its answer goes. */
  readonly path: Path;
};
