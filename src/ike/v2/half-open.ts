/** What both ends have between IKE_SA_INIT and the end of authentication. */

import type { Instant } from "../../octets/instant.ts";
import type { IkeAlgorithms } from "../algorithms.ts";
import type { Nat } from "../nat.ts";
import type { SaId } from "../sa-id.ts";
import type { Fragments } from "./fragments.ts";
import type { HalfOpenKeys } from "./keys.ts";
import type { PpkState } from "./ppk-keys.ts";
import type { RedirectSupport } from "./redirect-support.ts";
import type { Window } from "./window.ts";

/** Both IKE_SA_INIT messages are exchanged; AUTH will cover them. */
export type HalfOpen = {
  readonly id: SaId;
  readonly algorithms: IkeAlgorithms;
  readonly keys: HalfOpenKeys;
  readonly window: Window;
  readonly Ni: Uint8Array;
  readonly Nr: Uint8Array;
  readonly request: Uint8Array;
  readonly response: Uint8Array;
  readonly nat: Nat;
  readonly ppk: PpkState;
  /** SIGNATURE_HASH_ALGORITHMS of the peer; undefined: it does not know RFC 7427. */
  readonly peerHashes: readonly number[] | undefined;
  /** Both ends know RFC 7383: longer messages are sent in fragments. */
  readonly fragmentOctets: number | undefined;
  readonly fragments: Fragments;
  /** Of the initiator, whether it can be sent to another gateway (RFC 5685). */
  readonly redirect: RedirectSupport;
  readonly expireAt: Instant;
};
