/** What both ends have between IKE_SA_INIT and the end of authentication. */

import type { AcceptedMethod } from "../../crypto/signature.ts";
import type { IkeAlgorithms } from "../algorithms.ts";
import type { Nat } from "../nat.ts";
import type { SaId } from "../sa-id.ts";
import type { Fragments } from "./fragments.ts";
import type { HalfOpenKeys } from "./keys.ts";
import type { IntermediatePpk, PpkState } from "./ppk-keys.ts";
import type { Rounds } from "./round.ts";
import type { Transcript } from "./transcript.ts";
import type { Window } from "./window.ts";

export type HalfOpen = {
  readonly id: SaId;
  readonly algorithms: IkeAlgorithms;
  readonly keys: HalfOpenKeys;
  readonly window: Window;
  readonly rounds: Rounds;
  readonly transcript: Transcript;
  readonly Ni: Uint8Array;
  readonly Nr: Uint8Array;
  readonly nat: Nat;
  readonly ppk: PpkState;
  /** Undefined: PPKs are no subject of IKE_INTERMEDIATE, or not yet. */
  readonly intermediatePpk: IntermediatePpk | undefined;
  /** SIGNATURE_HASH_ALGORITHMS of the peer; undefined: it does not support RFC 7427. */
  readonly peerHashes: readonly number[] | undefined;
  /** What the peer accepts (RFC 9593); undefined: it does not say. */
  readonly peerMethods: readonly AcceptedMethod[] | undefined;
  /** Longer messages are sent in fragments (RFC 7383); undefined: none is. */
  readonly fragmentOctets: number | undefined;
  readonly fragments: Fragments;
};
