/** Eroutes in use of sites at rest: what of them is written, and how they come back. */

import type { PeerId } from "../../eroute/peer-id.ts";
import type { Place } from "../../octets/octet-store.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { callOf } from "../calls/call-table.ts";
import type { Engine } from "../engine.ts";
import type { Stand } from "../negotiation/stand.ts";
import { isAtRest } from "../resting.ts";
import type { ErouteInUse } from "./eroute-in-use.ts";
import { errandOf } from "./errands.ts";

/** Of most IKE SAs. */
const NONE: readonly IkeSpi[] = [];

export type SiteToRest = {
  readonly eroute: ErouteInUse;
  readonly spi: IkeSpi;
  readonly initialContact: boolean;
  readonly stand: Stand;
};

/** Whether it is in use, and not at rest. */
export function isErouteAwake({ sites }: Engine, key: string): boolean {
  const eroute = sites.eroutes.get(key);
  return eroute !== undefined && !isAtRest(eroute);
}

/** The site with its one IKE SA; undefined: it has to stay awake. */
export function siteToRest(engine: Engine, key: string): SiteToRest | undefined {
  const { sites } = engine;
  const eroute = sites.eroutes.get(key);
  if (eroute === undefined || isAtRest(eroute)) return undefined;
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
  if (!isSettled || callOf(engine, key) !== undefined) return undefined;
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
