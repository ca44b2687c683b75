/**
 * Child SAs that are gone here while there was no IKE SA in which to tell the site (IKEv1: they
 * outlive the one that made them). It is told in the next one, or it would send into nothing until
 * their lifetime is over.
 */

import type { EspSpi } from "../../inet/esp-spi.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { changedSite } from "../changes.ts";
import type { Engine } from "../engine.ts";
import type { ErouteInUse } from "./eroute-in-use.ts";
import { factsAt } from "./ike-sas.ts";
import type { SiteIkeSa } from "./site-ike-sa.ts";

/** More than a site misses. */
const SPIS_MAX = 16;

/** Tells the site in another IKE SA than `former`; if there is none, in the next one. */
export function tellElsewhere(
  engine: Engine,
  eroute: ErouteInUse,
  spis: readonly EspSpi[],
  former: IkeSpi,
): void {
  const other = eroute.ikeSas.findLast((spi) => {
    const facts = factsAt(engine, spi);
    return spi !== former && facts?.sharesChildSas === true && !facts.isReplaced;
  });
  if (other !== undefined) engine.inbox.push({ spi: other, event: { kind: "say-gone", spis } });
  else {
    const { untold } = engine.sites;
    const before = untold.get(eroute.key) ?? [];
    untold.set(eroute.key, [...before, ...spis].slice(-SPIS_MAX));
    changedSite(engine, eroute.key);
  }
}

/** An IKE SA of the site is up. */
export function tellUntold(engine: Engine, { spi, eroute, stand }: SiteIkeSa): void {
  const { untold } = engine.sites;
  if (untold.size === 0 || eroute === undefined || stand.facts?.sharesChildSas !== true) return;
  const spis = untold.get(eroute.key);
  if (spis === undefined) return;
  untold.delete(eroute.key);
  changedSite(engine, eroute.key);
  engine.inbox.push({ spi, event: { kind: "say-gone", spis } });
}

/** What the site of an eroute in use has yet to be told; undefined: nothing. */
export function untoldOf({ sites }: Engine, erouteKey: string): readonly EspSpi[] | undefined {
  return sites.untold.get(erouteKey);
}
