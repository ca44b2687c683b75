/** A site is disconnected by hand: its IKE SAs go, and those that were to become ones. */

import { callOf, giveUp, hold } from "../calls/call-table.ts";
import type { Engine } from "../engine.ts";
import { journal } from "../journal/write.ts";
import { ikeSas } from "../negotiation/ike-sas.ts";
import { erouteKey } from "./eroute-in-use.ts";

const WHY = "disconnected-by-hand";

/**
 * Closes all IKE SAs of a site, and tells it; a call of ours is given up. Whether the site may call
 * again is its row's to say; we do not, with start = "always", until it is connected by hand.
 */
export function disconnect(engine: Engine, peerId: string): void {
  const keys = new Set(engine.plan.eroutes.map(({ name }) => erouteKey(name, peerId)));
  const wasCalled = giveUpCalls(engine, peerId);
  let closed = 0;
  for (const [spi, { eroute }] of ikeSas(engine)) {
    if (eroute === undefined || !keys.has(eroute.key)) continue;
    engine.inbox.push({ spi, event: { kind: "close", why: WHY } });
    closed++;
  }
  if (closed > 0) return;
  journal(engine, undefined, {
    level: "info",
    step: "control",
    outcome: "note",
    reason: wasCalled ? WHY : "not-connected",
    peerId,
    detail: wasCalled
      ? "an operator has ended the call to the site"
      : "to be disconnected by hand, but it has no IKE SA",
  });
}

function giveUpCalls(engine: Engine, peerId: string): boolean {
  let wasCalled = false;
  for (const { name, kind, life } of engine.plan.eroutes) {
    const key = erouteKey(name, peerId);
    const call = callOf(engine, key);
    if (call !== undefined && giveUp(engine, call, WHY)) wasCalled = true;
    const isOurs = call !== undefined || engine.sites.eroutes.has(key);
    if (isOurs && kind === "normal" && life.start === "always") hold(engine, key);
  }
  return wasCalled;
}
