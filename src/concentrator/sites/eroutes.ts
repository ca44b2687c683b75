/** The table of eroutes in use, as others may use it. */

import { eroutesFor } from "../../eroute/plan-index.ts";
import { putAt, takeFrom, valuesAt } from "../../inet/prefix-table.ts";
import { changedSite } from "../changes.ts";
import type { Engine } from "../engine.ts";
import { awakeAt, awakeOf, isAtRest, onlyAwakeOf } from "../resting.ts";
import { type ErouteInUse, erouteKey } from "./eroute-in-use.ts";
import type { Sites } from "./sites.ts";

/** The one with this key. */
export function erouteAt(engine: Engine, key: string): ErouteInUse | undefined {
  return awakeAt(engine, engine.sites.eroutes, key);
}

/** All of them, the oldest first. */
export function eroutesInUse(engine: Engine): Generator<ErouteInUse, undefined> {
  return awakeOf(engine, engine.sites.eroutes);
}

/** Those of sites that something happens to, or has happened to lately. */
export function eroutesAwake({ sites }: Engine): Generator<ErouteInUse, undefined> {
  return onlyAwakeOf(sites.eroutes);
}

/** Whether its site is at rest: then it has a Child SA. */
export function isSiteAtRest({ sites }: Engine, key: string): boolean {
  return isAtRest(sites.eroutes.get(key));
}

/** Whether there is one with this key. */
export function isInUse({ sites }: Engine, key: string): boolean {
  return sites.eroutes.has(key);
}

/** Whether there is a dynamic one with this key. */
export function isDynamicInUse({ sites }: Engine, key: string): boolean {
  return sites.eroutes.has(key) && !sites.normal.has(key);
}

/** The same after the first `skipped` ones, without visiting these; all kinds or one. */
export function* eroutesFrom(
  engine: Engine,
  skipped: number,
  kind: ErouteInUse["kind"] | undefined,
): Generator<ErouteInUse, undefined> {
  const { eroutes } = engine.sites;
  const isDynamic = kind === undefined ? undefined : kind === "dynamic";
  for (const [key] of eroutes.from(skipped, isDynamic)) {
    const eroute = erouteAt(engine, key);
    if (eroute !== undefined) yield eroute;
  }
  return undefined;
}

/** Those of one site: at most one for each configured eroute that matches its ID. */
export function eroutesOf(engine: Engine, peerId: string): readonly ErouteInUse[] {
  return eroutesFor(engine.plan, peerId).flatMap(({ name }) => {
    const eroute = erouteAt(engine, erouteKey(name, peerId));
    return eroute === undefined ? [] : [eroute];
  });
}

export function erouteCount({ sites }: Engine): number {
  return sites.eroutes.size;
}

/** How many of them are dynamic ones, whose number is limited (R7). */
export function dynamicCount({ sites }: Engine): number {
  return sites.eroutes.size - sites.normal.size;
}

/** An eroute comes into use, or takes the place of what was in use under its key. */
export function putEroute(engine: Engine, eroute: ErouteInUse): void {
  const { sites } = engine;
  const { key } = eroute;
  changedSite(engine, key);
  const before = erouteAt(engine, key);
  if (before !== undefined) removeReach(sites, before);
  sites.eroutes.set(key, eroute);
  if (eroute.kind === "normal") sites.normal.add(key);
  else sites.normal.delete(key);
  addReach(sites, eroute);
}

/** From now on they are in the order of these keys, as if they had come into use in it. */
export function orderEroutes(engine: Engine, keys: readonly string[]): void {
  const { sites } = engine;
  for (const key of keys) {
    const eroute = erouteAt(engine, key);
    if (eroute === undefined) continue;
    sites.eroutes.delete(key);
    sites.eroutes.set(key, eroute);
    for (const subnet of eroute.remoteSubnets) {
      if (valuesAt(sites.reach, subnet).length < 2) continue;
      takeFrom(sites.reach, subnet, key);
      putAt(sites.reach, subnet, key);
    }
  }
}

/** The eroute under this key is no longer in use. */
export function removeEroute(engine: Engine, key: string): void {
  const { sites } = engine;
  const before = erouteAt(engine, key);
  if (before === undefined) return;
  changedSite(engine, key);
  sites.eroutes.delete(key);
  sites.normal.delete(key);
  sites.untold.delete(key);
  removeReach(sites, before);
}

function addReach({ reach }: Sites, { remoteSubnets, key }: ErouteInUse): void {
  for (const subnet of remoteSubnets) putAt(reach, subnet, key);
}

function removeReach({ reach }: Sites, { remoteSubnets, key }: ErouteInUse): void {
  for (const subnet of remoteSubnets) takeFrom(reach, subnet, key);
}
