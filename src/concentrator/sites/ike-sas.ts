/**
 * IKE SAs as the sites know them, by their SPI: only from what the negotiation tells. What the
 * sites want of an IKE SA, they tell it by mail.
 */

import type { IkeMajor } from "../../eroute/eroute.ts";
import type { IkeSaFacts } from "../../ike/facts.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { changedSite } from "../changes.ts";
import type { Engine } from "../engine.ts";
import type { About } from "../journal/about.ts";
import type { Stand } from "../negotiation/stand.ts";
import { awakeAt, onlyAwakeOf } from "../resting.ts";
import type { ErouteInUse } from "./eroute-in-use.ts";
import type { SiteIkeSa } from "./site-ike-sa.ts";

/**
 * The IKE SA has a peer ID now: its peer has presented it, or the IKE SA is a call to that site.
 */
export function nameIkeSa(
  engine: Engine,
  spi: IkeSpi,
  { peerId, stand }: Pick<SiteIkeSa, "peerId" | "stand">,
): SiteIkeSa {
  const { sites } = engine;
  const known: SiteIkeSa = {
    spi,
    peerId,
    stand,
    candidate: ikeSaAt(engine, spi)?.candidate,
    eroute: undefined,
    supersedes: NONE,
    initialContact: false,
    redirect: undefined,
  };
  sites.ikeSas.set(spi, known);
  sites.unproven.set(spi, true);
  return known;
}

/** Shared by all that take over from no other. */
const NONE: readonly IkeSpi[] = [];

/** How an IKE SA stands after an event. */
export function noteStand(engine: Engine, spi: IkeSpi, stand: Stand): void {
  const known = ikeSaAt(engine, spi);
  if (known !== undefined) known.stand = stand;
}

/** Whether the sites have to hear how it stands. */
export function isNamed({ sites }: Engine, spi: IkeSpi): boolean {
  return sites.ikeSas.has(spi);
}

/** It has taken the place of `former`, with the same site and eroute. */
export function nameSuccessor(
  engine: Engine,
  former: IkeSpi,
  { spi, stand }: Pick<SiteIkeSa, "spi" | "stand">,
): SiteIkeSa | undefined {
  const before = ikeSaAt(engine, former);
  if (before === undefined) return undefined;
  const known = nameIkeSa(engine, spi, { peerId: before.peerId, stand });
  engine.sites.unproven.delete(spi);
  known.eroute = before.eroute;
  known.initialContact = before.initialContact;
  known.eroute?.ikeSas.push(spi);
  return known;
}

/** It belongs to no eroute any more; returns the one that it did belong to. */
export function endIkeSa(engine: Engine, spi: IkeSpi): ErouteInUse | undefined {
  const { sites } = engine;
  sites.unproven.delete(spi);
  const known = ikeSaAt(engine, spi);
  const eroute = known?.eroute;
  if (eroute !== undefined) changedSite(engine, eroute.key);
  if (known !== undefined) known.eroute = undefined;
  return eroute;
}

/** The negotiation has forgotten it. */
export function forgetIkeSa({ sites }: Engine, spi: IkeSpi): void {
  sites.unproven.delete(spi);
  sites.ikeSas.delete(spi);
}

/** What is known of it. */
export function ikeSaAt(engine: Engine, spi: IkeSpi): SiteIkeSa | undefined {
  return awakeAt(engine, engine.sites.ikeSas, spi);
}

/** The facts of one that is authenticated and not deleted. */
export function factsAt(engine: Engine, spi: IkeSpi): IkeSaFacts | undefined {
  return ikeSaAt(engine, spi)?.stand.facts;
}

/** Its version of IKE. */
export function versionAt(engine: Engine, spi: IkeSpi): IkeMajor {
  return factsAt(engine, spi)?.version ?? 2;
}

/** The versions of IKE of an eroute's IKE SAs. */
export function versionsOf(engine: Engine, { ikeSas }: ErouteInUse): readonly IkeMajor[] {
  return ikeSas.flatMap((spi) => factsAt(engine, spi)?.version ?? []);
}

/** The facts of those that are up and awake, the oldest first. */
export function* factsOfAwake({ sites }: Engine): Generator<IkeSaFacts> {
  for (const { stand } of onlyAwakeOf(sites.ikeSas)) {
    const { facts } = stand;
    if (facts !== undefined) yield facts;
  }
}

/** What the journal says of it. */
export function aboutIkeSa(engine: Engine, spi: IkeSpi): About | undefined {
  const known = ikeSaAt(engine, spi);
  if (known === undefined) return undefined;
  const { stand, peerId, eroute, candidate } = known;
  const { id, path } = stand;
  const isProven = eroute !== undefined;
  return { id, path, peerId, eroute: eroute?.name ?? candidate?.name, isProven };
}
