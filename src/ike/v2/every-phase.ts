/** An IKE SA of IKEv2, whatever its phase. */

import type { Path } from "../../inet/endpoint.ts";
import type { SaId } from "../sa-id.ts";
import type { Closing, Ended, Established, Replaced } from "./established-phase.ts";
import type { InitiatorPhase } from "./initiator-phase.ts";
import type { ResponderPhase } from "./responder-phase.ts";

export type IkeSa = ResponderPhase | InitiatorPhase | Established | Replaced | Closing | Ended;

/** The SPIs of an IKE SA, and our role in it, whatever its phase. */
export function saIdOf(sa: IkeSa): SaId {
  if (sa.phase === "replaced") return sa.former.id;
  return "half" in sa ? sa.half.id : sa.id;
}

/** Where its messages come from and go to. */
export function pathOf(sa: IkeSa): Path {
  return sa.phase === "replaced" ? sa.former.path : sa.path;
}
