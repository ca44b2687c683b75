/** An IKE SA of IKEv2, whatever its phase. */

import type { Path } from "../../inet/endpoint.ts";
import type { SaId } from "../sa-id.ts";
import type { Closing, Ended, Established, Replaced } from "./established-phase.ts";
import type {
  AwaitingAuthResponse,
  AwaitingCallSignature,
  AwaitingCallVerification,
  AwaitingInitResponse,
  AwaitingPublicValue,
  AwaitingSharedSecret,
} from "./initiator-phase.ts";
import type {
  AwaitingAuth,
  AwaitingCredentials,
  AwaitingKeyExchange,
  AwaitingRepeat,
  AwaitingSignature,
  AwaitingVerification,
  Refusing,
} from "./responder-phase.ts";

export type IkeSa =
  | AwaitingKeyExchange
  | AwaitingAuth
  | AwaitingRepeat
  | AwaitingCredentials
  | AwaitingVerification
  | AwaitingSignature
  | Refusing
  | AwaitingPublicValue
  | AwaitingInitResponse
  | AwaitingSharedSecret
  | AwaitingCallSignature
  | AwaitingAuthResponse
  | AwaitingCallVerification
  | Established
  | Replaced
  | Closing
  | Ended;

/** The names of an IKE SA, whatever its phase. */
export function saIdOf(sa: IkeSa): SaId {
  if (sa.phase === "replaced") return sa.former.id;
  return "half" in sa ? sa.half.id : sa.id;
}

/** Where its messages come from and go to. */
export function pathOf(sa: IkeSa): Path {
  return sa.phase === "replaced" ? sa.former.path : sa.path;
}
