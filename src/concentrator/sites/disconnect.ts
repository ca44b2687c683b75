/** A site is disconnected by hand: its SAs are closed, and a call to it is given up. */

import { eroutesFor } from "../../eroute/plan-index.ts";
import { callOf, giveUp, hold } from "../calls/call-table.ts";
import type { Engine } from "../engine.ts";
import { journal } from "../journal/write.ts";
import { endEroute } from "./eroute-end.ts";
import { erouteKey } from "./eroute-in-use.ts";
import { eroutesOf, isInUse } from "./eroutes.ts";

const WHY = "disconnected-by-hand";

/**
 * Closes all SAs of a site, and tells it; a call of ours is given up. Its row decides whether the
 * site may call again. With start = "always" we call it again only after it is connected by hand.
 */
export function disconnect(engine: Engine, peerId: string): void {
  const wasCalled = giveUpCalls(engine, peerId);
  const eroutes = eroutesOf(engine, peerId);
  for (const eroute of eroutes) endEroute(engine, eroute, WHY);
  if (eroutes.length > 0) return;
  journal(engine, undefined, {
    level: "info",
    step: "control",
    outcome: "note",
    reason: wasCalled ? WHY : "not-connected",
    peerId,
    detail: wasCalled
      ? "an operator has ended the call to the site"
      : "an operator wanted it disconnected, but it is not connected",
  });
}

function giveUpCalls(engine: Engine, peerId: string): boolean {
  let wasCalled = false;
  for (const { name, kind, life } of eroutesFor(engine.plan, peerId)) {
    const key = erouteKey(name, peerId);
    const call = callOf(engine, key);
    if (call !== undefined && giveUp(engine, call, WHY)) wasCalled = true;
    const isOurs = call !== undefined || isInUse(engine, key);
    if (isOurs && kind === "normal" && life.start === "always") hold(engine, key);
  }
  return wasCalled;
}
