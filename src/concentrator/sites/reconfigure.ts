/** A new configuration while sites are connected: what it does not change stays up. */

import { matchConfigured } from "../../eroute/configured-match.ts";
import type { Eroute, EroutePlan } from "../../eroute/eroute.ts";
import { callsNow, forgetAllRefusals, giveUp, noteFailure } from "../calls/call-table.ts";
import type { CallUnderWay } from "../calls/calls.ts";
import { type Engine, inMs } from "../engine.ts";
import { offer, offerOf } from "../negotiation/offer.ts";
import { beginAdjusting, endAdjusting, useConfiguration } from "./adjust.ts";
import { forgetUnknownIds, refuseLookUp } from "./look-up.ts";
import { type Comparison, compare, verdictOn } from "./verdict.ts";

/**
 * Takes over the new configuration. Eroutes in use whose configuration has not changed stay as they
 * are. If the change concerns only later exchanges, they stay up: new proposals count from the next
 * rekey, lifetimes and kernel options from the next Child SA, liveness checks and the rest at once.
 * Sites that would get other SAs now are closed. Large tables are walked in portions.
 */
export function reconfigure(engine: Engine, plan: EroutePlan): void {
  endAdjusting(engine);
  const comparison = compare(engine.plan, plan);
  engine.plan = plan;
  engine.sites.sharedTerms = new WeakMap();
  offer(engine, offerOf(plan));
  const evictAt = inMs(engine, plan.limits.evictEveryMs);
  if (evictAt < engine.sites.evictAt) engine.sites.evictAt = evictAt;
  // Another table may have their rows.
  forgetUnknownIds(engine);
  engine.sites.worked.clear();
  adjustLookUps(engine, comparison);
  adjustCalls(engine, comparison);
  beginAdjusting(engine, comparison);
}

/** Calls continue with the new configuration, or end: sites still wanted are called again. */
function adjustCalls(engine: Engine, comparison: Comparison): void {
  forgetAllRefusals(engine);
  for (const call of callsNow(engine)) {
    const { stage, base } = call;
    const next = nextBase(call, comparison);
    if (next !== undefined) {
      call.base = next;
      if ("target" in stage) useConfiguration(stage.target.eroute, next);
      continue;
    }
    if (!giveUp(engine, call, "reconfigured")) continue;
    const about = { peerId: call.peerId, eroute: base.name };
    const detail = "the configuration changed while the site was being called";
    noteFailure(engine, about, { reason: "reconfigured", detail });
  }
}

/**
 * The eroute that a call continues with; undefined if the call has no use any more, or another end.
 */
function nextBase({ stage, base }: CallUnderWay, comparison: Comparison): Eroute | undefined {
  // Whatever has failed may work now.
  if (stage.kind === "waiting") return undefined;
  if ("target" in stage) {
    const verdict = verdictOn(stage.target.eroute, comparison);
    if (verdict.kind === "close") return undefined;
    return verdict.later.some((key) => OF_CALLS.has(key)) ? undefined : verdict.next;
  }
  const next = comparison.eroutes.get(base.name);
  const isSame = next?.kind === "base" && base.kind === "base" && next.egroup === base.egroup;
  return isSame ? next : undefined;
}

/** What a call under way cannot change any more. */
const OF_CALLS: ReadonlySet<string> = new Set([
  ...["peerip", "bakpeerip"],
  ...["certificate_file", "peer_auth"],
]);

/**
 * Rows that are being read are joined with the new base eroute; those of another table are refused.
 */
function adjustLookUps(engine: Engine, { plan }: Comparison): void {
  for (const [lookup, waiting] of engine.requests.of("identity")) {
    const match = matchConfigured(plan, waiting.peerId, waiting.major);
    if (match.kind === "base" && match.eroute.egroup === waiting.base.egroup) {
      engine.requests.replace(lookup, { ...waiting, base: match.eroute });
      continue;
    }
    const detail = `the configuration changed while the row of ${waiting.peerId} was being read`;
    refuseLookUp(engine, lookup, { reason: "reconfigured", detail });
  }
}
