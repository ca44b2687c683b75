/** Writes all established SAs and their eroutes as documents for the next process. */

import { spiOf } from "../../ike/ike-sa.ts";
import { CONTENT_OCTETS, writeDocument } from "../../ike/state/document.ts";
import { lastingOf, type Place } from "../../ike/state/written-ike-sa.ts";
import { assert } from "../../octets/assert.ts";
import { Draft } from "../../octets/draft.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { callsOf } from "../calls/plain-calls.ts";
import { dataplaneOf, isKernelQuiet, plainChildrenOf } from "../dataplane/plain-dataplane.ts";
import { sharedOf } from "../dataplane/plain-shared.ts";
import type { Engine } from "../engine.ts";
import { entryAt, ikeSasAwake } from "../negotiation/ike-sas.ts";
import { type PlainWork, plainWorkOf } from "../negotiation/plain-work.ts";
import { adjustingAt } from "../sites/adjust.ts";
import type { ErouteInUse } from "../sites/eroute-in-use.ts";
import { eroutesInUse } from "../sites/eroutes.ts";
import { errandOf, hasErrandsOfFormerEroutes } from "../sites/errands.ts";
import { ikeSaAt } from "../sites/ike-sas.ts";
import { plainErouteOf } from "../sites/plain-eroute.ts";
import { dutiesOf, type PlainDuties, sharedReachOf, sitesOf } from "../sites/plain-sites.ts";
import { type Head, type Part, type PlainSite, part } from "./part.ts";
import { type PlainIkeSa, plainIkeSaOf } from "./plain-ike-sa.ts";

/** At most so many table entries are looked at for one document, and so many are written to it. */
const LOOKS_MAX = 512;
const WRITTEN_MAX = 32;

/**
 * Whether everything can be written now. Not while the kernel still has to answer a request, not
 * during a walk under a new configuration, and not while eroutes that it removed are being closed.
 */
export function canBeWritten(engine: Engine): boolean {
  const { shuttingDown, inbox } = engine;
  if (shuttingDown || inbox.length > 0 || adjustingAt(engine) !== undefined) return false;
  return isKernelQuiet(engine) && !hasErrandsOfFormerEroutes(engine);
}

/**
 * The documents. Each is made when it is asked for, so that other work gets its turn in between.
 * They hold keys. No event may be handled before the last one is made: `isStill` tells.
 */
export function* documentsOf(
  engine: Engine,
  place: Place,
  isStill: () => boolean,
): Generator<Uint8Array> {
  let documents = 0;
  const { anchor, generation } = place;
  const scribe = { anchor, generation, draft: new Draft(CONTENT_OCTETS) };
  for (const one of partsOf(engine)) {
    assert(isStill(), "something has changed since the first document");
    documents++;
    yield writeDocument(part, one, scribe);
  }
  yield writeDocument(part, { kind: "end", documents }, scribe);
}

function* partsOf(engine: Engine): Generator<Part> {
  yield { kind: "head", head: headOf(engine, []) };
  const work = workOf(engine);
  const duties = dutiesOf(engine);
  for (const eroute of eroutesInUse(engine)) {
    const site = siteOf(engine, eroute, work);
    if (site !== undefined) yield { kind: "site", site: { ...site, ...duties(eroute.key) } };
  }
  for (const entries of inPortions(leftIkeSas(engine, work))) yield { kind: "ike-sas", entries };
  for (const reach of inPortions(sharedReach(engine))) yield { kind: "reach", reach: reach.flat() };
  for (const shared of inPortions(sharedOf(engine))) yield { kind: "kernel", shared };
}

/** What several sites share. */
export function headOf(engine: Engine, words: Head["words"]): Head {
  return {
    lastRequest: engine.requests.last,
    sites: sitesOf(engine),
    calls: callsOf(engine),
    dataplane: dataplaneOf(engine),
    words,
  };
}

/** Key exchanges under way, by IKE SA. */
export type Work = ReadonlyMap<IkeSpi, readonly PlainWork[]>;

/** All of them: one walk over the requests. */
export function workOf({ requests }: Engine): Work {
  const work = new Map<IkeSpi, PlainWork[]>();
  for (const [, { spi, ticket }, { op }] of requests.of("key-exchange")) {
    const known = work.get(spi) ?? [];
    work.set(spi, [...known, plainWorkOf(ticket, op)]);
  }
  return work;
}

/** The site of an eroute in use; undefined if it has nothing to hand over. */
export function siteOf(
  engine: Engine,
  current: ErouteInUse,
  work: Work,
): Omit<PlainSite, keyof PlainDuties> | undefined {
  const eroutes = [...versionsOf(engine, current)];
  const entries = current.ikeSas.flatMap((spi) => {
    const entry = entryAt(engine, spi);
    if (entry === undefined) return [];
    return plainIkeSaOf(engine, entry, { eroutes, work: work.get(spi) ?? [] }) ?? [];
  });
  const spis = entries.map(({ entry }) => spiOf(entry.sa));
  // A Child SA may outlive its IKE SA, which the site then no longer lists.
  const stays = (spi: IkeSpi) => spis.includes(spi) || !current.ikeSas.includes(spi);
  const children = plainChildrenOf(engine, current.key, stays);
  if (entries.length + children.length === 0) return undefined;
  const plain = eroutes.map((eroute) => plainErouteOf(eroute, errandOf(engine, eroute)));
  return { eroutes: plain, ikeSas: spis, entries, children };
}

/** Every eroute from which one of the written IKE SAs was made, the one in use last. */
function versionsOf(engine: Engine, current: ErouteInUse): ReadonlySet<ErouteInUse> {
  const eroutes = new Set<ErouteInUse>();
  for (const spi of current.ikeSas) {
    const entry = entryAt(engine, spi);
    const eroute = ikeSaAt(engine, spi)?.eroute;
    if (entry === undefined || eroute === undefined || lastingOf(entry.sa) === undefined) continue;
    eroutes.add(eroute);
  }
  eroutes.delete(current);
  return eroutes.add(current);
}

function* leftIkeSas(engine: Engine, work: Work): Generator<PlainIkeSa | undefined> {
  // Those at rest belong to their sites.
  for (const [spi, entry] of ikeSasAwake(engine)) {
    const isLeft = ikeSaAt(engine, spi)?.eroute === undefined;
    const known = { eroutes: [], work: work.get(spi) ?? [] };
    yield isLeft ? plainIkeSaOf(engine, entry, known) : undefined;
  }
}

function* sharedReach(engine: Engine) {
  for (const eroute of eroutesInUse(engine)) {
    const shared = sharedReachOf(engine, eroute);
    yield shared.length === 0 ? undefined : shared;
  }
}

/** Short lists of the entries found; an empty one after a long search without a find. */
function* inPortions<T>(all: Iterable<T | undefined>): Generator<readonly T[]> {
  let portion: T[] = [];
  let looks = 0;
  for (const one of all) {
    if (one !== undefined) portion.push(one);
    if (++looks < LOOKS_MAX && portion.length < WRITTEN_MAX) continue;
    yield portion;
    portion = [];
    looks = 0;
  }
  if (portion.length > 0) yield portion;
}
