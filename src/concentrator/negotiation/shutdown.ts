/** The shutdown: every site is told, in small portions. */

import { stageOf } from "../../ike/ike-sa.ts";
import type { Engine } from "../engine.ts";
import type { Entry } from "./entry.ts";

/**
 * Sites that are notified at once; the others follow at the next deadline, so that nothing stalls.
 */
const PORTION = 32;

/** Tells the next few sites that their IKE SAs are deleted. */
export function shutDownPortion(engine: Engine): void {
  let left = PORTION;
  for (const [spi, entry] of engine.negotiation.sas) {
    if (left === 0) return;
    if (isGoing(entry)) continue;
    left--;
    engine.inbox.push({ spi, event: { kind: "close", why: "shutdown" } });
  }
}

/** Whether some IKE SA has not been told yet. */
export function hasOpenIkeSas(engine: Engine): boolean {
  for (const entry of engine.negotiation.sas.values()) {
    if (!isGoing(entry)) return true;
  }
  return false;
}

/** Whether the site has been told, or the IKE SA is over. */
function isGoing({ sa }: Entry): boolean {
  const stage = stageOf(sa);
  return stage === "closing" || stage === "over";
}
