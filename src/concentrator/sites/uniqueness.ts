/** Several IKE SAs of one site: which of them stay (RFC 7296 §2.4, §2.8). */

import type { IkeEvent } from "../../ike/event.ts";
import type { IkeSaFacts } from "../../ike/facts.ts";
import { factsOf, pathOf, saIdOf } from "../../ike/ike-sa.ts";
import type { Refusal } from "../../ike/refusal.ts";
import { localSpi } from "../../ike/sa-id.ts";
import { equalAddress } from "../../inet/address.ts";
import { equalEndpoint, formatEndpoint } from "../../inet/endpoint.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { Engine } from "../engine.ts";
import type { Entry } from "../negotiation/entry.ts";
import { forgive } from "../negotiation/guesses.ts";
import { entryAt, factsAt } from "../negotiation/ike-sas.ts";
import { endOrphans } from "./eroute-end.ts";
import type { ErouteInUse } from "./eroute-in-use.ts";
import { orphansOf } from "./orphans.ts";

/**
 * Within so long of each other a call of ours and one of the site count as made at the same time:
 * either end may have come to know of the other's late.
 */
const SIMULTANEOUS_MS = 60_000;

/**
 * A site has just been authenticated by `entry`. Its other IKE SAs are replaced; but where both
 * ends have called at once, each of them has to choose the same one, or none would stay.
 */
export function judge(engine: Engine, entry: Entry, spi: IkeSpi): void {
  const { eroute } = entry;
  if (eroute === undefined || eroute.base.life.uniqueness === "never") return;
  const supersedes: IkeSpi[] = [];
  for (const { ikeSpi } of orphansOf(engine, eroute)) supersedes.push(ikeSpi);
  for (const other of eroute.ikeSas) {
    if (other === spi) continue;
    const before = entryAt(engine, other);
    if (before === undefined) continue;
    if (!isCrossing(engine, factsOf(entry.sa), factsOf(before.sa))) supersedes.push(other);
    else if (stays(before, entry)) condemn(engine, spi, entry);
    else condemn(engine, other, before);
  }
  entry.supersedes = supersedes;
}

/**
 * uniqueness = "keep": a connected site is not replaced, once the caller has proved to be it. From
 * the same address and port it is the site itself, which has restarted or authenticates anew.
 */
export function obstacleOf(engine: Engine, entry: Entry, eroute: ErouteInUse): Refusal | undefined {
  if (eroute.base.life.uniqueness !== "keep") return undefined;
  const { remote } = pathOf(entry.sa);
  const standing = standingOf(engine, eroute).find(
    ({ path }) => !equalEndpoint(path.remote, remote),
  );
  if (standing === undefined) return undefined;
  const detail =
    `${eroute.peerId} is connected from ${formatEndpoint(standing.path.remote)}, and ` +
    `uniqueness = "keep" lets nobody replace it while it answers`;
  return { kind: "no-credentials", reason: "already-connected", detail, isUnanswered: true };
}

/** The standing IKE SA is asked whether its site is still there: if not, a later repeat gets in. */
export function onHeldBack(engine: Engine, entry: Entry): void {
  forgive(engine, entry);
  const { candidate } = entry;
  const eroute = candidate === undefined ? undefined : engine.sites.eroutes.get(candidate.key);
  if (eroute === undefined) return;
  for (const { id } of standingOf(engine, eroute)) {
    engine.inbox.push({ spi: localSpi(id), event: { kind: "check-liveness" } });
  }
}

/** IKE SAs that both ends know to be up. */
function standingOf(engine: Engine, { ikeSas }: ErouteInUse): readonly IkeSaFacts[] {
  return ikeSas.flatMap((spi) => {
    const facts = factsAt(engine, spi);
    return facts?.isAnswered === true ? [facts] : [];
  });
}

/** What an IKE SA has replaced goes: the IKE SA, or the Child SAs that have outlived it. */
export function removeReplaced(engine: Engine, entry: Entry, spi: IkeSpi): void {
  const { eroute } = entry;
  if (eroute !== undefined) endOrphans(engine, eroute, "replaced-by-newer", spi);
  engine.inbox.push({ spi, event: farewell(engine, entry, spi) });
}

/**
 * How an IKE SA goes that `entry` has replaced. A Delete may overtake the answer to the call, which
 * may get lost, too: as long as it may be on its way, the one before goes on carrying packets.
 */
function farewell(engine: Engine, entry: Entry, spi: IkeSpi): IkeEvent {
  const why = "replaced-by-newer";
  // It says that the site knows nothing of the others any more (§2.4).
  if (entry.initialContact) return { kind: "drop", why };
  const [ike, before] = [factsOf(entry.sa), factsAt(engine, spi)];
  const isAnew =
    ike?.id.role === "responder" &&
    ike.children.length > 0 &&
    before?.isRedundant === false &&
    equalAddress(ike.path.remote.address, before.path.remote.address);
  return isAnew ? { kind: "redundant", why } : { kind: "close", why };
}

/**
 * An IKE SA of the site has ended: if all that are left were to go because of it, the newest of
 * them stays after all.
 */
export function spareLast(engine: Engine, eroute: ErouteInUse): void {
  const left = eroute.ikeSas.flatMap((spi) => {
    const ike = factsAt(engine, spi);
    return ike === undefined || ike.isReplaced ? [] : [{ spi, ike }];
  });
  const last = left.at(-1);
  if (last === undefined || left.some(({ ike }) => !ike.isRedundant)) return;
  engine.inbox.push({ spi: last.spi, event: { kind: "needed" } });
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
 * Both ends come to the same result: the SA whose initiator knows of no other one stays; else the
 * one with the higher SPI of its initiator.
 */
function stays(a: Entry, b: Entry): boolean {
  if (a.initialContact !== b.initialContact) return a.initialContact;
  return saIdOf(a.sa).spiI > saIdOf(b.sa).spiI;
}

/** The end that created it deletes it; if the site does not, we do after a while. */
function condemn(engine: Engine, spi: IkeSpi, { sa }: Entry): void {
  const isOurs = saIdOf(sa).role === "initiator";
  const event = isOurs
    ? ({ kind: "close", why: "redundant" } as const)
    : ({ kind: "redundant", why: "redundant" } as const);
  engine.inbox.push({ spi, event });
}
