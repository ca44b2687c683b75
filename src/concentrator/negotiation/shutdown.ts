/** The end: every site is told, in small portions. */

import { stageOf } from "../../ike/ike-sa.ts";
import type { Engine } from "../engine.ts";
import type { Entry } from "./entry.ts";

/** So many sites are notified at once; the rest follow at the next deadline, without a stall. */
const PORTION = 32;

/** Tells the next few sites that we go. Done when no IKE SA is left that is not over. */
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

/** The site was told, or knows it. */
function isGoing({ sa }: Entry): boolean {
  const stage = stageOf(sa);
  return stage === "closing" || stage === "over";
}
