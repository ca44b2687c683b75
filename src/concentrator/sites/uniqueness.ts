/** Several IKE SAs of one site: which of them stay (RFC 7296 §2.4, §2.8). */

import type { IkeEvent } from "../../ike/event.ts";
import type { IkeSaFacts } from "../../ike/facts.ts";
import type { Refusal } from "../../ike/refusal.ts";
import { localSpi } from "../../ike/sa-id.ts";
import { equalAddress } from "../../inet/address.ts";
import { equalEndpoint, formatEndpoint, type Path } from "../../inet/endpoint.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { handOver } from "../dataplane/child-sas.ts";
import type { Engine } from "../engine.ts";
import { endOrphans } from "./eroute-end.ts";
import type { ErouteInUse } from "./eroute-in-use.ts";
import { erouteAt } from "./eroutes.ts";
import { factsAt, ikeSaAt } from "./ike-sas.ts";
import { orphansOf } from "./orphans.ts";
import type { SiteIkeSa } from "./site-ike-sa.ts";
import { tellUntold } from "./untold.ts";

/**
 * A call of ours and one of the site count as simultaneous within this time: each end may have
 * learned late of the other's.
 */
const SIMULTANEOUS_MS = 60_000;

/**
 * A site has just authenticated in `ikeSa`, which replaces its other IKE SAs. But if both ends
 * called at the same time, both have to choose the same one, or none would stay.
 */
export function judge(engine: Engine, ikeSa: SiteIkeSa): void {
  const { eroute, spi } = ikeSa;
  if (eroute === undefined || eroute.base.life.uniqueness === "never") return;
  const supersedes: IkeSpi[] = [];
  for (const { ikeSpi } of orphansOf(engine, eroute)) supersedes.push(ikeSpi);
  for (const other of eroute.ikeSas) {
    if (other === spi) continue;
    const before = ikeSaAt(engine, other);
    if (before === undefined) continue;
    if (!isCrossing(engine, ikeSa.stand.facts, before.stand.facts)) supersedes.push(other);
    else if (stays(before, ikeSa)) condemn(engine, ikeSa, before);
    else condemn(engine, before, ikeSa);
  }
  ikeSa.supersedes = supersedes;
  if (supersedes.length === 0 || ikeSa.stand.facts?.awaitsSign !== true) return;
  engine.inbox.push({ spi, event: { kind: "check-liveness" } });
}

/**
 * uniqueness = "keep": a caller that authenticates does not replace the connected site. From the
 * same address and port it is that site, which has restarted or reauthenticates.
 */
export function obstacleOf(
  engine: Engine,
  eroute: ErouteInUse,
  { remote }: Path,
): Refusal | undefined {
  if (eroute.base.life.uniqueness !== "keep") return undefined;
  // Phase 1 of IKEv1 begins at port 500, of which a NAT makes another port than of 4500.
  const isThere = ({ path, version }: IkeSaFacts) =>
    version === 1
      ? equalAddress(path.remote.address, remote.address)
      : equalEndpoint(path.remote, remote);
  const standing = standingOf(engine, eroute).find((ike) => !isThere(ike));
  if (standing === undefined) return undefined;
  const detail =
    `${eroute.peerId} is connected from ${formatEndpoint(standing.path.remote)}, and ` +
    `with uniqueness = "keep" nothing replaces it while it answers`;
  return { kind: "no-credentials", reason: "already-connected", detail, isUnanswered: true };
}

/** Checks whether the connected site is still alive: if not, a later repeat gets in. */
export function onHeldBack(engine: Engine, spi: IkeSpi): void {
  const candidate = ikeSaAt(engine, spi)?.candidate;
  const eroute = candidate === undefined ? undefined : erouteAt(engine, candidate.key);
  if (eroute === undefined) return;
  for (const { id } of standingOf(engine, eroute)) {
    engine.inbox.push({ spi: localSpi(id), event: { kind: "check-liveness" } });
  }
}

/** An established IKE SA says that the site knows nothing of its others: they go at once. */
export function onInitialContact(engine: Engine, spi: IkeSpi): void {
  const ikeSa = ikeSaAt(engine, spi);
  const eroute = ikeSa?.eroute;
  if (ikeSa === undefined || eroute === undefined) return;
  ikeSa.initialContact = true;
  if (eroute.base.life.uniqueness === "never") return;
  const why = "replaced-by-newer";
  endOrphans(engine, eroute, why);
  for (const other of eroute.ikeSas) {
    if (other !== spi) engine.inbox.push({ spi: other, event: { kind: "drop", why } });
  }
}

/** The site says in one of its IKE SAs that it has deleted another one: only its own count. */
export function onDeletedElsewhere(
  engine: Engine,
  spi: IkeSpi,
  { spiI, spiR }: { readonly spiI: IkeSpi; readonly spiR: IkeSpi },
): void {
  for (const other of ikeSaAt(engine, spi)?.eroute?.ikeSas ?? []) {
    const id = ikeSaAt(engine, other)?.stand.id;
    if (other === spi || id?.spiI !== spiI || id.spiR !== spiR) continue;
    engine.inbox.push({ spi: other, event: { kind: "peer-deleted" } });
  }
}

/** IKE SAs that both ends know to be up. */
function standingOf(engine: Engine, { ikeSas }: ErouteInUse): readonly IkeSaFacts[] {
  return ikeSas.flatMap((spi) => {
    const facts = factsAt(engine, spi);
    return facts?.isAnswered === true ? [facts] : [];
  });
}

/**
 * Called after each event of an IKE SA. Once it is up and its site has the answer, what it replaces
 * is removed, and the site is redirected if it is to be: only then, so that the site's packets have
 * a policy throughout. `hasEnded`: nothing is left of it.
 */
export function settleIn(engine: Engine, spi: IkeSpi, hasEnded: boolean): void {
  const ikeSa = ikeSaAt(engine, spi);
  if (ikeSa === undefined) return;
  const { supersedes, redirect } = ikeSa;
  if (supersedes.length === 0 && redirect === undefined) return;
  const facts = hasEnded ? undefined : ikeSa.stand.facts;
  if (facts?.isServing === true || (facts?.awaitsSign === true && !ikeSa.initialContact)) return;
  ikeSa.redirect = undefined;
  ikeSa.supersedes = [];
  if (redirect !== undefined) {
    engine.inbox.push({ spi, event: { kind: "redirect", to: redirect } });
  }
  // One that never came up leaves the others alone.
  if (facts === undefined) return;
  for (const former of supersedes) removeReplaced(engine, ikeSa, former);
  tellUntold(engine, ikeSa);
}

/** Removes what an IKE SA has replaced: an IKE SA, or the Child SAs that have outlived it. */
function removeReplaced(engine: Engine, ikeSa: SiteIkeSa, former: IkeSpi): void {
  const { eroute } = ikeSa;
  if (eroute !== undefined && !adoptOrphans(engine, ikeSa, eroute, former)) {
    endOrphans(engine, eroute, "replaced-by-newer", former);
  }
  engine.inbox.push({ spi: former, event: farewell(engine, ikeSa, former) });
}

/** Child SAs that have outlived `former` go to `ikeSa`, if those of its site belong to it. */
function adoptOrphans(
  engine: Engine,
  { spi, stand, initialContact }: SiteIkeSa,
  eroute: ErouteInUse,
  former: IkeSpi,
): boolean {
  if (initialContact || stand.facts?.sharesChildSas !== true) return false;
  const orphans = orphansOf(engine, eroute).filter(({ ikeSpi }) => ikeSpi === former);
  const children = orphans.map(({ child }) => child);
  handOver(engine, children, spi);
  engine.inbox.push({ spi, event: { kind: "adopt", children } });
  return true;
}

/**
 * How an IKE SA that `ikeSa` has replaced is closed. A Delete may overtake the answer to the call,
 * and that answer may get lost: until it must have arrived, the former one carries packets.
 */
function farewell(engine: Engine, ikeSa: SiteIkeSa, former: IkeSpi): IkeEvent {
  const why = "replaced-by-newer";
  // It says that the site knows nothing of the others any more (§2.4).
  if (ikeSa.initialContact) return { kind: "drop", why };
  const [ike, before] = [ikeSa.stand.facts, factsAt(engine, former)];
  if (ike?.sharesChildSas === true && before?.sharesChildSas === true) {
    return { kind: "stand-down", to: ikeSa.spi };
  }
  const isAnew =
    ike?.id.role === "responder" &&
    ike.children.length > 0 &&
    before?.isRedundant === false &&
    equalAddress(ike.path.remote.address, before.path.remote.address);
  return isAnew ? { kind: "redundant", why } : { kind: "close", why };
}

/**
 * An IKE SA of the site has ended. If all others are redundant because of it, the newest of them
 * stays; so does one that has handed its Child SAs over to it, which take their way back.
 */
export function spareLast(engine: Engine, eroute: ErouteInUse): void {
  const left = eroute.ikeSas.flatMap((spi) => {
    const ike = factsAt(engine, spi);
    return ike === undefined || ike.isReplaced ? [] : [{ spi, ike }];
  });
  const last = left.at(-1);
  if (last === undefined) return takeBack(engine, eroute);
  if (left.some(({ ike }) => !ike.isRedundant)) return;
  engine.inbox.push({ spi: last.spi, event: { kind: "needed" } });
}

function takeBack(engine: Engine, eroute: ErouteInUse): void {
  const spi = eroute.ikeSas.findLast((one) => factsAt(engine, one)?.sharesChildSas === true);
  if (spi === undefined) return;
  engine.inbox.push({ spi, event: { kind: "needed" } });
  const children = orphansOf(engine, eroute).map(({ child }) => child);
  if (children.length === 0) return;
  handOver(engine, children, spi);
  engine.inbox.push({ spi, event: { kind: "adopt", children } });
}

function isCrossing(
  { now }: Engine,
  a: IkeSaFacts | undefined,
  b: IkeSaFacts | undefined,
): boolean {
  if (a === undefined || b === undefined) return false;
  return a.id.role !== b.id.role && now - b.establishedAt < SIMULTANEOUS_MS;
}

/**
 * Both ends come to the same result: the IKE SA whose initiator knew of no other stays, else the
 * one whose initiator has the higher SPI.
 */
function stays(a: SiteIkeSa, b: SiteIkeSa): boolean {
  if (a.initialContact !== b.initialContact) return a.initialContact;
  return a.stand.id.spiI > b.stand.id.spiI;
}

/**
 * The end that initiated it deletes it. If the site does not, we do after a while. Where Child SAs
 * are the site's, those of this one go to the one that stays.
 */
function condemn(engine: Engine, { spi, stand }: SiteIkeSa, staying: SiteIkeSa): void {
  const isShared = [stand, staying.stand].every(({ facts }) => facts?.sharesChildSas === true);
  if (isShared) {
    engine.inbox.push({ spi, event: { kind: "stand-down", to: staying.spi } });
    return;
  }
  const isOurs = stand.id.role === "initiator";
  const event = isOurs
    ? ({ kind: "close", why: "redundant" } as const)
    : ({ kind: "redundant", why: "redundant" } as const);
  engine.inbox.push({ spi, event });
}
