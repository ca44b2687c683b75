/** Eroutes in use of sites at rest: what of them is written, and how they come back. */

import type { PeerId } from "../../eroute/peer-id.ts";
import { putAt, subnetsOf, takeFrom } from "../../inet/prefix-table.ts";
import type { Place } from "../../octets/octet-store.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { callOf } from "../calls/call-table.ts";
import { changedSite } from "../changes.ts";
import type { Engine } from "../engine.ts";
import type { Stand } from "../negotiation/stand.ts";
import { isAtRest, keysAt } from "../resting.ts";
import type { ErouteInUse } from "./eroute-in-use.ts";
import { errandOf } from "./errands.ts";
import { forgetIkeSa } from "./ike-sas.ts";

/** Of most IKE SAs. */
const NONE: readonly IkeSpi[] = [];

export type SiteToRest = {
  readonly eroute: ErouteInUse;
  readonly spi: IkeSpi;
  readonly initialContact: boolean;
  readonly stand: Stand;
};

/** The one that is in use, and not at rest. */
export function erouteAwakeAt({ sites }: Engine, key: string): ErouteInUse | undefined {
  const eroute = sites.eroutes.get(key);
  return isAtRest(eroute) ? undefined : eroute;
}

/** The site with its one IKE SA; undefined: it has to stay awake. */
export function siteToRest(engine: Engine, eroute: ErouteInUse): SiteToRest | undefined {
  const { sites } = engine;
  const [spi, another] = eroute.ikeSas;
  if (spi === undefined || another !== undefined) return undefined;
  if (sites.adjusting !== undefined || errandOf(engine, eroute) !== undefined) return undefined;
  const ikeSa = sites.ikeSas.get(spi);
  if (ikeSa === undefined || isAtRest(ikeSa)) return undefined;
  const { candidate, supersedes, initialContact, redirect, stand, peerId } = ikeSa;
  const isSettled =
    // Of the few normal ones, the table has to know which they are.
    eroute.kind === "dynamic" &&
    ikeSa.eroute === eroute &&
    eroute.proof !== undefined &&
    candidate === undefined &&
    supersedes.length === 0 &&
    redirect === undefined &&
    peerId === eroute.peerId &&
    !sites.unproven.has(spi);
  if (!isSettled || callOf(engine, eroute.key) !== undefined) return undefined;
  return { eroute, spi, stand, initialContact };
}

/** Both tables hold the place instead. */
export function restSite(
  { sites }: Engine,
  { eroute, spi }: Pick<SiteToRest, "eroute" | "spi">,
  place: Place,
): void {
  sites.eroutes.set(eroute.key, place);
  sites.ikeSas.set(spi, place);
}

/** Whether the table has this eroute in use at a place. */
export function isErouteAt({ sites }: Engine, key: string, place: Place): boolean {
  return sites.eroutes.get(key) === place;
}

/** Whether the table has what is known of this IKE SA at a place. */
export function isIkeSaAt({ sites }: Engine, spi: IkeSpi, place: Place): boolean {
  return sites.ikeSas.get(spi) === place;
}

/** Both are back. */
export function wakeSite(
  { sites }: Engine,
  eroute: ErouteInUse,
  {
    spi,
    peerId,
    stand,
    initialContact,
  }: {
    readonly spi: IkeSpi;
    readonly peerId: PeerId;
    readonly stand: Stand;
    readonly initialContact: boolean;
  },
): void {
  sites.eroutes.set(eroute.key, eroute);
  sites.ikeSas.set(spi, {
    spi,
    peerId,
    stand,
    candidate: undefined,
    eroute,
    supersedes: NONE,
    initialContact,
    redirect: undefined,
  });
}

/**
 * The eroute of a site that cannot be read to its end is there to be removed; false: another one
 * was put in its place in the meantime.
 */
export function putErouteBack({ sites }: Engine, eroute: ErouteInUse, place: Place): boolean {
  const { key, remoteSubnets } = eroute;
  if (sites.eroutes.get(key) === place) {
    sites.eroutes.set(key, eroute);
    return true;
  }
  for (const subnet of remoteSubnets) takeFrom(sites.reach, subnet, key);
  return false;
}

/** The key of the eroute in use at a place. */
export function keyOfErouteAt({ sites }: Engine, place: Place): string | undefined {
  return keysAt(sites.eroutes, place)[0];
}

/** Takes out what the tables have at the place of a site that cannot be read. */
export function forgetSite(engine: Engine, place: Place, key: string | undefined): void {
  const { sites } = engine;
  for (const spi of keysAt(sites.ikeSas, place)) forgetIkeSa(engine, spi);
  if (key === undefined) return;
  changedSite(engine, key);
  const subnets = [...subnetsOf(sites.reach)].filter(({ values }) => values.includes(key));
  for (const { subnet, values } of subnets) {
    for (const value of values) if (value === key) takeFrom(sites.reach, subnet, key);
  }
  const current = sites.eroutes.get(key);
  if (current === place) {
    sites.eroutes.delete(key);
    sites.untold.delete(key);
  } else if (current !== undefined && !isAtRest(current)) {
    // Another one was put in its place in the meantime.
    for (const subnet of current.remoteSubnets) putAt(sites.reach, subnet, key);
  }
}

/** What the key of an eroute in use says of its site. */
export function nameOfSite(key: string): { readonly peerId: string; readonly eroute: string } {
  const [eroute = "", peerId = ""] = key.split("\u0000");
  return { peerId, eroute };
}
