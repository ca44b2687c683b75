/** Every phase of an ISAKMP SA (RFC 2409 §4), and what is known in all of them. */

import type { Path } from "../../inet/endpoint.ts";
import type { SaId } from "../sa-id.ts";
import type { Established } from "./established-phase.ts";
import type { InitiatorPhase } from "./initiator-phase.ts";
import type { ResponderPhase } from "./responder-phase.ts";

export type IkeSa = InitiatorPhase | ResponderPhase | Established;

/** The cookies, and our role in Phase 1. */
export function saIdOf(sa: IkeSa): SaId {
  return sa.id;
}

/** Where its messages come from and go to. */
export function pathOf(sa: IkeSa): Path {
  return sa.path;
}
