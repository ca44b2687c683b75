/**
 * Writes what has changed, a document for each site, so that the next process can go on from it
 * whenever this one ends. Written before a message leaves: the peer goes on from what it has got.
 */

import { STATE_VERSION, writeContent } from "../../ike/state/document.ts";
import type { Place } from "../../ike/state/written-ike-sa.ts";
import type { EspSpi } from "../../inet/esp-spi.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { type Changes, changedSite } from "../changes.ts";
import { drainingWith } from "../dataplane/draining.ts";
import type { Engine } from "../engine.ts";
import { entryAt } from "../negotiation/ike-sas.ts";
import { erouteAt } from "../sites/eroutes.ts";
import { ikeSaAt } from "../sites/ike-sas.ts";
import { untoldOf } from "../sites/untold.ts";
import { labelled, withLabel } from "./label.ts";
import type { Part } from "./part.ts";
import { plainIkeSaOf } from "./plain-ike-sa.ts";
import { headOf, siteOf, type Work, workOf } from "./write.ts";

/** A document by its name; without content: what had this name has gone. */
export type Kept = { readonly name: string; readonly content: Uint8Array | undefined };

/** Clocks and generation of the process that keeps or reads. */
export type KeptPlace = Place;

/** Documents of another version cannot be read. */
export const KEPT_VERSION = STATE_VERSION;

/** The document of what several sites share: without it the others cannot be read. */
const HEAD_NAME = "head";

/**
 * The next process counts requests on from so many further than were made when the head was
 * written, so that the head need not be written for each request.
 */
const REQUESTS_AHEAD = 2 ** 32;

/** Whether anything has changed since {@link keptOf} was last read to its end. */
export function hasChanges({ changes }: Engine): boolean {
  if (changes === undefined) return false;
  const { ikeSas, sites, draining, isHeadChanged } = changes;
  return isHeadChanged || ikeSas.size + sites.size + draining.size > 0;
}

/** What has changed: each document is made when it is asked for, and secret. */
export function* keptOf(engine: Engine, place: Place): Generator<Kept> {
  const { changes } = engine;
  if (changes === undefined) return;
  const { vocabulary, draft } = changes;
  const writer = { anchor: place.anchor, generation: place.generation, vocabulary, draft };
  for (const [name, value] of changedParts(engine, changes)) {
    const content =
      value === undefined ? undefined : writeContent(labelled, withLabel(value), writer);
    // The words of a document come before it.
    if (vocabulary.hasNew) yield headDocument(engine, place);
    yield { name, content };
  }
}

function headDocument(engine: Engine, place: Place): Kept {
  const head = withLabel({ kind: "head", head: headAhead(engine) });
  return { name: HEAD_NAME, content: writeContent(labelled, head, place) };
}

/** What has changed, by the names of the documents; undefined: it has gone. */
function* changedParts(
  engine: Engine,
  changes: Changes,
): Generator<readonly [string, Part | undefined]> {
  if (changes.isHeadChanged) {
    changes.isHeadChanged = false;
    yield [HEAD_NAME, { kind: "head", head: headAhead(engine) }];
  }
  const work = engine.requests.size("key-exchange") === 0 ? NO_WORK : workOf(engine);
  for (const spi of changes.ikeSas) {
    changes.ikeSas.delete(spi);
    const key = ikeSaAt(engine, spi)?.eroute?.key;
    if (key !== undefined) changedSite(engine, key);
    yield [nameOfIkeSa(spi), key === undefined ? ikeSaOf(engine, spi, work) : undefined];
  }
  for (const spi of changes.draining) {
    changes.draining.delete(spi);
    const draining = drainingWith(engine, spi);
    const shared = draining === undefined ? [] : [{ kind: "draining", draining } as const];
    yield [nameOfDraining(spi), shared.length === 0 ? undefined : { kind: "kernel", shared }];
  }
  for (const key of changes.sites) {
    changes.sites.delete(key);
    yield [nameOfSite(key), sitePart(engine, key, work)];
  }
}

const NO_WORK: Work = new Map();

export function nameOfSite(erouteKey: string): string {
  return `site ${erouteKey}`;
}

export function nameOfIkeSa(spi: IkeSpi): string {
  return `ike ${spi.toString(16)}`;
}

export function nameOfDraining(spi: EspSpi): string {
  return `draining ${spi.toString(16)}`;
}

function headAhead(engine: Engine): ReturnType<typeof headOf> {
  const head = headOf(engine, engine.changes?.vocabulary.all() ?? []);
  return { ...head, lastRequest: head.lastRequest + REQUESTS_AHEAD };
}

/** An IKE SA that has left its site: it only answers, or waits for an answer. */
function ikeSaOf(engine: Engine, spi: IkeSpi, work: Work): Part | undefined {
  const entry = entryAt(engine, spi);
  if (entry === undefined) return undefined;
  const ikeSa = plainIkeSaOf(engine, entry, { eroutes: [], work: work.get(spi) ?? [] });
  return ikeSa === undefined ? undefined : { kind: "ike-sas", entries: [ikeSa] };
}

/**
 * After a take-over every row is read again, and the head says who is to be redirected. Which key
 * exchange worked, each IKE SA knows for itself.
 */
const NO_DUTIES = { isRowWaiting: false, isRedirectWaiting: false, worked: undefined };

function sitePart(engine: Engine, key: string, work: Work): Part | undefined {
  const eroute = erouteAt(engine, key);
  const site = eroute === undefined ? undefined : siteOf(engine, eroute, work);
  if (site === undefined) return undefined;
  return { kind: "site", site: { ...site, ...NO_DUTIES, untold: untoldOf(engine, key) } };
}
