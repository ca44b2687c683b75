/** What the IKE SAs get from outside: time, randomness, numbers, free SPIs. */

import type { EroutePlan } from "../../eroute/eroute.ts";
import type { IkeContext } from "../../ike/effect.ts";
import { REFUSAL_STEP_MS } from "../../ike/limits.ts";
import type { Ticket } from "../../ike/ticket.ts";
import { asIkeSpi, type IkeSpi } from "../../wire/header.ts";
import { freeEspSpi } from "../dataplane/child-sas.ts";
import type { Engine } from "../engine.ts";

/** The engine is asked for each time: it does not exist before its parts do. */
export function ikeContextOf(engine: () => Engine): IkeContext {
  return {
    get now() {
      return engine().now;
    },
    get refusalMs() {
      return refusalMsOf(engine().plan);
    },
    random: (octets) => engine().random(octets),
    ticket: () => engine().requests.number() as Ticket,
    espSpi: () => freeEspSpi(engine()),
    ikeSpi: () => freeIkeSpi(engine()),
    get onMessage() {
      return engine().negotiation.trace.onMessage;
    },
  };
}

/** The same for all IKE SAs. */
export function ikeContext({ negotiation }: Engine): IkeContext {
  return negotiation.context;
}

/** Whole steps, as many as the slowest look-up may take; one where no row is ever looked up. */
function refusalMsOf({ egroups, limits }: EroutePlan): number {
  if (egroups.length === 0) return REFUSAL_STEP_MS;
  return Math.max(1, Math.ceil(limits.lookupMs / REFUSAL_STEP_MS)) * REFUSAL_STEP_MS;
}

function freeIkeSpi(engine: Engine): IkeSpi {
  for (;;) {
    const octets = engine.random(8);
    const spi = asIkeSpi(new DataView(octets.buffer, octets.byteOffset, 8).getBigUint64(0));
    if (spi !== 0n && !engine.negotiation.sas.has(spi)) return spi;
  }
}
