/** A site is disconnected by hand: its IKE SAs go, and those that were to become ones. */

import { type Engine, journal } from "./engine.ts";
import { erouteKey } from "./eroute-in-use.ts";

const WHY = "disconnected-by-hand";

/** Closes all IKE SAs of a site, and tells it. Whether it may call again is its row's to say. */
export function disconnect(engine: Engine, peerId: string): void {
  const keys = new Set(engine.plan.eroutes.map(({ name }) => erouteKey(name, peerId)));
  let closed = 0;
  for (const [spi, { eroute, candidate }] of engine.sas) {
    const key = eroute?.key ?? candidate?.key;
    if (key === undefined || !keys.has(key)) continue;
    engine.inbox.push({ spi, event: { kind: "close", why: WHY } });
    closed++;
  }
  if (closed > 0) return;
  journal(engine, undefined, {
    level: "info",
    step: "control",
    outcome: "note",
    reason: "not-connected",
    peerId,
    detail: "to be disconnected by hand, but it has no IKE SA",
  });
}
