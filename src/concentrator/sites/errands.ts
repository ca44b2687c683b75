/** What many sites need done: closing them, or telling them new terms. `run-errands.ts` does it. */

import type { Instant } from "../../octets/instant.ts";
import { changedSite } from "../changes.ts";
import type { Engine } from "../engine.ts";
import { isAtRest } from "../resting.ts";
import type { ErouteInUse } from "./eroute-in-use.ts";
import { orphansOf } from "./orphans.ts";
import type { CloseReason, Errand } from "./sites.ts";

/** It is closed, see `endEroute`: soon, but not all sites at once. */
export function closeSoon(engine: Engine, eroute: ErouteInUse, why: CloseReason): void {
  addErrand(engine, eroute, { kind: "close", why });
}

/** Its IKE SAs get the new configuration, unless they are about to be closed. */
export function tellTermsSoon(engine: Engine, eroute: ErouteInUse): void {
  if (engine.sites.errands.waiting.get(eroute)?.kind !== "close")
    addErrand(engine, eroute, { kind: "terms" });
}

/** When the next portion is due. */
export function errandsAt({ sites }: Engine): Instant | undefined {
  return sites.errands.at;
}

/** Eroutes in use that are looked at in one portion. */
const LOOKS_AT_ONCE = 500;

/** At the shutdown nothing else would end eroutes whose IKE SAs have gone already. */
export function closeOrphansSoon(engine: Engine): void {
  engine.sites.errands.toLookAt = engine.sites.eroutes.values();
  engine.sites.errands.at ??= engine.now;
}

/** Finds the next few of them, if they are being looked for. */
export function lookForOrphans(engine: Engine): void {
  const { errands } = engine.sites;
  for (let looks = 0; errands.toLookAt !== undefined && looks < LOOKS_AT_ONCE; looks++) {
    const { value: eroute, done } = errands.toLookAt.next();
    if (done === true) errands.toLookAt = undefined;
    // At rest, all Child SAs of a site belong to its IKE SA.
    else if (!isAtRest(eroute) && orphansOf(engine, eroute).length > 0)
      closeSoon(engine, eroute, "shutdown");
  }
}

/** Nothing is left to be done: every site is being closed. */
export function forgetErrands(engine: Engine): void {
  engine.sites.errands.waiting.clear();
  engine.sites.errands.toLookAt = undefined;
  engine.sites.errands.at = undefined;
}

/** What is to be done for the SAs that were made from this one, if anything. */
export function errandOf({ sites }: Engine, eroute: ErouteInUse): Errand | undefined {
  return sites.errands.waiting.get(eroute);
}

/** Whether something is to be done for eroutes that the configuration no longer has. */
export function hasErrandsOfFormerEroutes({ plan, sites }: Engine): boolean {
  if (sites.errands.waiting.size === 0) return false;
  const names = new Set(plan.eroutes.map(({ name, kind }) => `${kind} ${name}`));
  for (const { base } of sites.errands.waiting.keys()) {
    if (!names.has(`${base.kind} ${base.name}`)) return true;
  }
  return false;
}

/** Something is to be done for the SAs that were made from this one. */
export function addErrand(engine: Engine, eroute: ErouteInUse, errand: Errand): void {
  engine.sites.errands.waiting.set(eroute, errand);
  changedSite(engine, eroute.key);
  engine.sites.errands.at ??= engine.now;
}
