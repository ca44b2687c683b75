/** What the IKE SAs get from outside: time, randomness, numbers, free SPIs. */

import type { EroutePlan } from "../eroute/eroute.ts";
import type { IkeContext } from "../ike/effect.ts";
import { REFUSAL_STEP_MS } from "../ike/limits.ts";
import type { Ticket } from "../ike/ticket.ts";
import { freeEspSpi } from "./dataplane/child-sas.ts";
import type { Engine } from "./engine.ts";
import { freeIkeSpi } from "./negotiation/context.ts";
import { hasLost } from "./negotiation/loss.ts";
import { onMessageOf } from "./negotiation/trace.ts";

/** Gets the engine by a function, because it does not exist before its parts do. */
export function ikeContextOf(engine: () => Engine): IkeContext {
  return {
    get now() {
      return engine().now;
    },
    get refusalMs() {
      return refusalMsOf(engine().plan);
    },
    get hasLost() {
      return hasLost(engine());
    },
    random: (octets) => engine().random(octets),
    ticket: () => engine().requests.number() as Ticket,
    espSpi: () => freeEspSpi(engine()),
    ikeSpi: () => freeIkeSpi(engine()),
    get onMessage() {
      return onMessageOf(engine());
    },
  };
}

/** As many whole steps as the slowest look-up may take; one if no row is ever looked up. */
function refusalMsOf({ egroups, limits }: EroutePlan): number {
  if (egroups.length === 0) return REFUSAL_STEP_MS;
  return Math.max(1, Math.ceil(limits.lookupMs / REFUSAL_STEP_MS)) * REFUSAL_STEP_MS;
}
