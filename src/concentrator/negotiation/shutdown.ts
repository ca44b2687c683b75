/** The shutdown: every site is told, in small portions. */

import { stageOf } from "../../ike/ike-sa.ts";
import type { Engine } from "../engine.ts";
import type { Entry } from "./entry.ts";
import { ikeSas } from "./ike-sas.ts";

/**
 * Sites that are notified at once; the others follow at the next deadline, so that nothing stalls.
 */
const PORTION = 32;
/** IKE SAs that are over already are passed over: so many in one portion. */
const PASSED_MAX = 1_024;

/** From now on {@link shutDownPortion} tells all sites, portion by portion. */
export function beginShutdown(engine: Engine): void {
  engine.negotiation.toTell = ikeSas(engine);
}

/**
 * Tells the next few sites that their IKE SAs are deleted. Each IKE SA is visited once: an IKE SA
 * that has been told leads to no other one.
 */
export function shutDownPortion(engine: Engine): void {
  const { negotiation } = engine;
  if (negotiation.toTell === undefined) return;
  let told = 0;
  for (let passed = 0; told < PORTION && passed < PASSED_MAX; passed++) {
    const { value, done } = negotiation.toTell.next();
    if (done === true) {
      negotiation.toTell = undefined;
      return;
    }
    const [spi, entry] = value;
    if (isGoing(entry)) continue;
    told++;
    engine.inbox.push({ spi, event: { kind: "close", why: "shutdown" } });
  }
}

/** Whether some IKE SA may not have been told yet. */
export function hasOpenIkeSas({ negotiation }: Engine): boolean {
  return negotiation.toTell !== undefined;
}

/** Whether the site has been told, or the IKE SA is over. */
function isGoing({ sa }: Entry): boolean {
  const stage = stageOf(sa);
  return stage === "closing" || stage === "over";
}
