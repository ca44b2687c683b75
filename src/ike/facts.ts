/** What the rooms above may know of an IKE SA, whatever its version and phase. */

import type { Path } from "../inet/endpoint.ts";
import type { Instant } from "../octets/instant.ts";
import type { Identity } from "../wire/identity.ts";
import type { IkeAlgorithms } from "./algorithms.ts";
import type { ChildPolicy, ChildSa } from "./child-sa.ts";
import type { Nat } from "./nat.ts";
import type { SaId } from "./sa-id.ts";

/** How far an IKE SA is. */
export type Stage =
  /** The peer has called and has not proved who it is. */
  | "half-open"
  /** We call and have not said who we are. */
  | "calling"
  /** We call and have said who we are. */
  | "proving"
  /** Both ends are authenticated. */
  | "up"
  /** Both ends are authenticated, and another IKE SA has its place: it waits to be deleted. */
  | "replaced"
  /** We told the peer that the IKE SA is deleted. */
  | "closing"
  /** It only answers repeats. */
  | "over";

/** The facts of an IKE SA that both ends have authenticated: made on demand, never kept. */
export type IkeSaFacts = {
  readonly id: SaId;
  readonly peer: Identity;
  readonly establishedAt: Instant;
  readonly path: Path;
  readonly nat: Nat;
  /** Our port for IKE and for ESP in UDP once there is a NAT. */
  readonly natPort: number;
  readonly algorithms: IkeAlgorithms;
  /** A post-quantum pre-shared key is in its keys. */
  readonly usesPpk: boolean;
  readonly policy: ChildPolicy;
  readonly children: readonly ChildSa[];
  /** Another IKE SA has its place: it waits to be deleted. */
  readonly isReplaced: boolean;
  /** The peer has the answer to its IKE_AUTH: it knows that the IKE SA is up. */
  readonly isAnswered: boolean;
  /** A request of the peer waits for its answer. */
  readonly isServing: boolean;
  /** There is another IKE SA of the site: the peer may delete this one. */
  readonly isRedundant: boolean;
  /** Its site was told to go to another gateway (RFC 5685). */
  readonly isSentAway: boolean;
  /** Another gateway sent its site here. */
  readonly isSentHere: boolean;
  /** Its site can be sent to another gateway. */
  readonly canBeSentAway: boolean;
  /** It takes the Child SAs that another IKE SA of the site hands over. */
  readonly canTakeChildSas: boolean;
};
