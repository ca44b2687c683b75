/** Sending sites to another gateway: one of them, or all, to empty this one (RFC 5685). */

import { evictionCount } from "../../eroute/evict.ts";
import type { Instant } from "../../octets/instant.ts";
import type { Gateway } from "../../wire/gateway.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { changedHead } from "../changes.ts";
import { type Engine, inMs } from "../engine.ts";
import type { Event } from "../event.ts";
import { journal } from "../journal/write.ts";
import { sendStrangersTo } from "../negotiation/send-on.ts";
import type { Snapshot } from "../snapshot.ts";
import { dynamicCount, erouteAt, eroutesAwake, eroutesOf } from "./eroutes.ts";
import { factsAt, ikeSaAt } from "./ike-sas.ts";
import type { SiteIkeSa } from "./site-ike-sa.ts";

/**
 * Sites that are redirected at once, and how often: 50 a second, so that the other end can take
 * them.
 */
const PORTION = 5;
const PORTION_MS = 100;
/** Those that cannot be redirected are passed over: so many at once. */
const LOOKS = 100;

/** When the next few sites are redirected. */
export function redirectsAt({ sites }: Engine): Instant | undefined {
  return sites.redirects.at;
}

/** An operator redirects a site, or all of them; or, without a gateway, none any more. */
export function redirect(engine: Engine, { peerId, to }: Extract<Event, { kind: "redirect" }>) {
  if (to === undefined) stopRedirects(engine);
  else if (peerId === undefined) redirectAll(engine, to);
  else redirectSite(engine, peerId, to);
}

/** No site is redirected any more; those already told still leave. */
export function stopRedirects(engine: Engine): void {
  engine.sites.redirects.to = undefined;
  changedHead(engine);
  sendStrangersTo(engine, undefined);
  endWalk(engine);
}

/** The gateway that all sites are sent to, and how many are still to be told; undefined: none. */
export function redirectingOf({ sites }: Engine): Snapshot["redirecting"] {
  const { to, left } = sites.redirects;
  return to === undefined ? undefined : { to: to.host, waiting: left };
}

/** Tells the next few, if it is time. */
export function runRedirects(engine: Engine): void {
  const { redirects } = engine.sites;
  const { to } = redirects;
  if (redirects.at === undefined || to === undefined || engine.now < redirects.at) return;
  for (let told = 0, looks = 0; told < PORTION && looks < LOOKS; looks++) {
    const next = redirects.rest?.next();
    if (next === undefined || next.done === true) return endWalk(engine);
    redirects.left = Math.max(0, redirects.left - 1);
    told += tell(engine, next.value, to);
  }
  // Those that have come since are redirected when they authenticate.
  if (redirects.left === 0) return endWalk(engine);
  redirects.at = inMs(engine, PORTION_MS);
}

/** Looks at all eroutes in use again, the oldest first. */
export function walkAgain({ sites, now }: Engine): void {
  sites.redirects.rest = sites.eroutes.keys();
  sites.redirects.left = sites.eroutes.size;
  sites.redirects.at = now;
}

function endWalk({ sites }: Engine): void {
  sites.redirects.rest = undefined;
  sites.redirects.left = 0;
  sites.redirects.at = undefined;
}

/**
 * Where a site is sent that has just authenticated: where all are sent, where its eroute says, or
 * elsewhere because hardly a place is left (R7). A site that was sent here is not sent on for that.
 * It is told by INFORMATIONAL once it is up (§5), not in IKE_AUTH (§6), where current versions of
 * strongSwan crash.
 */
export function gatewayOfSite(
  engine: Engine,
  { eroute, stand }: SiteIkeSa,
  isNew: boolean,
): Gateway | undefined {
  const ike = stand.facts;
  if (eroute === undefined || ike === undefined || !ike.canBeSentAway) return undefined;
  const configured = engine.sites.redirects.to ?? eroute.base.redirect;
  if (configured !== undefined || ike.isSentHere) return configured;
  const { redirectTo } = engine.plan.limits;
  if (redirectTo === undefined || eroute.kind !== "dynamic" || !isNew) return undefined;
  return excessOf(engine) > 0 ? redirectTo : undefined;
}

/**
 * Dynamic eroutes that have to go so that enough are free (R7), without those that are leaving
 * already because they were redirected.
 */
export function excessOf(engine: Engine): number {
  const { dynamicEroutesMax: max, evictBelowFreePercent, redirectTo } = engine.plan.limits;
  const excess = evictionCount(max, dynamicCount(engine), evictBelowFreePercent);
  if (excess === 0 || redirectTo === undefined) return excess;
  let leaving = 0;
  // A site that leaves is not at rest.
  for (const { kind, ikeSas } of eroutesAwake(engine)) {
    if (kind !== "dynamic" || ikeSas.length === 0) continue;
    if (ikeSas.every((spi) => isLeaving(engine, spi))) leaving++;
  }
  return Math.max(0, excess - leaving);
}

function isLeaving(engine: Engine, spi: IkeSpi): boolean {
  const ikeSa = ikeSaAt(engine, spi);
  if (ikeSa === undefined) return false;
  return ikeSa.redirect !== undefined || ikeSa.stand.facts?.isSentAway === true;
}

/** From now on sites that call are redirected at once, and those that are up one by one. */
function redirectAll(engine: Engine, to: Gateway): void {
  engine.sites.redirects.to = to;
  changedHead(engine);
  sendStrangersTo(engine, to);
  walkAgain(engine);
}

/** After a take-over: sites that were told before cannot be told again. */
export function redirectAgain(engine: Engine): void {
  const { to } = engine.sites.redirects;
  if (to !== undefined) redirectAll(engine, to);
}

function redirectSite(engine: Engine, peerId: string, to: Gateway): void {
  let told = 0;
  for (const { key } of eroutesOf(engine, peerId)) told += tell(engine, key, to);
  if (told > 0) return;
  journal(engine, undefined, {
    level: "info",
    step: "control",
    outcome: "note",
    reason: "not-connected",
    peerId,
    detail: `an operator redirected it to ${to.host}, but it has no IKE SA that can be redirected`,
  });
}

/** Redirects the IKE SAs of an eroute; returns how many. */
function tell(engine: Engine, key: string, to: Gateway): number {
  let told = 0;
  for (const spi of erouteAt(engine, key)?.ikeSas ?? []) {
    if (factsAt(engine, spi)?.canBeSentAway !== true) continue;
    engine.inbox.push({ spi, event: { kind: "redirect", to } });
    told++;
  }
  return told;
}
