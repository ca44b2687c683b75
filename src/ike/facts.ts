/** What other rooms may know about an IKE SA, whatever its version and phase. */

import type { Path } from "../inet/endpoint.ts";
import type { Instant } from "../octets/instant.ts";
import type { Identity } from "../wire/identity.ts";
import type { IkeAlgorithms } from "./algorithms.ts";
import type { ChildPolicy, ChildSa } from "./child-sa.ts";
import type { Nat } from "./nat.ts";
import type { SaId } from "./sa-id.ts";

/** How far an IKE SA has come. */
export type Stage =
  /** The peer began it and has not proved who it is. */
  | "half-open"
  /** We began it and have not said who we are. */
  | "calling"
  /** We began it and have sent our proof of who we are. */
  | "proving"
  /** Both ends are authenticated. */
  | "up"
  /** Both ends are authenticated, and a rekey has replaced it: it waits to be deleted. */
  | "replaced"
  /** We have sent a Delete and wait for its answer. */
  | "closing"
  /** It only answers repeats. */
  | "over";

/** The facts about an authenticated IKE SA: made on demand. */
export type IkeSaFacts = {
  readonly id: SaId;
  readonly peer: Identity;
  readonly establishedAt: Instant;
  readonly path: Path;
  readonly nat: Nat;
  /** Our port for IKE and ESP in UDP, used from the moment a NAT is found. */
  readonly natPort: number;
  readonly algorithms: IkeAlgorithms;
  /** A post-quantum pre-shared key is mixed into its keys. */
  readonly usesPpk: boolean;
  /** Its proofs cover both first messages, so nobody can have weakened what was agreed on. */
  readonly hasFullTranscript: boolean;
  readonly policy: ChildPolicy;
  readonly children: readonly ChildSa[];
  /** A rekey has replaced it: it waits to be deleted. */
  readonly isReplaced: boolean;
  /** The peer's IKE_AUTH has been answered, so it knows that the IKE SA is up. */
  readonly isAnswered: boolean;
  /** A request of the peer is being worked on. */
  readonly isServing: boolean;
  /** The last message of its negotiation is ours, and the peer has not shown that it has it. */
  readonly awaitsSign: boolean;
  /** The site has another IKE SA: the peer may delete this one. */
  readonly isRedundant: boolean;
  /** The site was redirected to another gateway (RFC 5685). */
  readonly isSentAway: boolean;
  /** Another gateway redirected the site to us. */
  readonly isSentHere: boolean;
  /** The site can be redirected to another gateway. */
  readonly canBeSentAway: boolean;
  /** It accepts Child SAs that another IKE SA of the site hands over. */
  readonly canTakeChildSas: boolean;
  /** The version of IKE. */
  readonly version: 1 | 2;
  /**
   * Child SAs belong to the site: they outlive the IKE SA that made them, and the site's newest IKE
   * SA takes them over.
   */
  readonly sharesChildSas: boolean;
};
