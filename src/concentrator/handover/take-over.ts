/** Fills an empty concentrator with the documents of the previous process. */

import type { Eroute } from "../../eroute/eroute.ts";
import { spisToldBy } from "../../ike/door.ts";
import type { IkeEvent } from "../../ike/event.ts";
import { factsOf, spiOf } from "../../ike/ike-sa.ts";
import type { Refusal } from "../../ike/refusal.ts";
import {
  type Around,
  readBeginning,
  readContent,
  readDocument,
  type StateFault,
} from "../../ike/state/document.ts";
import { inNextEpoch, kernelWaitsOf, type Place } from "../../ike/state/written-ike-sa.ts";
import { asInstant } from "../../octets/instant.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { Vocabulary } from "../../octets/vocabulary.ts";
import { type IkeSpi, parseHeader } from "../../wire/header.ts";
import { forgetNeedlessCalls, putCalls } from "../calls/plain-calls.ts";
import { unchangedSite } from "../changes.ts";
import { askAgain, isAskedAgain } from "../dataplane/ask-again.ts";
import { installedAt } from "../dataplane/child-sas.ts";
import { putChild, putDataplane } from "../dataplane/plain-dataplane.ts";
import { orderUsers, putShared } from "../dataplane/plain-shared.ts";
import type { Engine } from "../engine.ts";
import type { Parcel } from "../negotiation/entry.ts";
import { entryAt, ikeSaCounts } from "../negotiation/ike-sas.ts";
import { canAskAgain } from "../negotiation/plain-work.ts";
import { type ErouteInUse, erouteKey } from "../sites/eroute-in-use.ts";
import { erouteAt, erouteCount, orderEroutes, putEroute } from "../sites/eroutes.ts";
import { addErrand } from "../sites/errands.ts";
import { erouteOfPlain } from "../sites/plain-eroute.ts";
import { endDuties, putDuties, putReach, putSites } from "../sites/plain-sites.ts";
import { redirectAgain } from "../sites/redirect.ts";
import { Awaited } from "./awaited.ts";
import { nameOfDraining, nameOfIkeSa, nameOfSite } from "./keep.ts";
import { label, labelled } from "./label.ts";
import { type Head, type Part, type PlainSite, part } from "./part.ts";
import { type PlainIkeSa, putIkeSa } from "./plain-ike-sa.ts";

/** A take-over under way. A fault in one document does not affect the others. */
export class TakeOver {
  readonly #engine: Engine;
  readonly #place: Place;
  readonly #bases: ReadonlyMap<string, Eroute>;
  readonly #around: Required<Around>;
  readonly #mail: Parcel[] = [];
  readonly #awaited = new Awaited();
  /** Numbers of documents by the eroute in use that they hold. */
  readonly #places = new Map<string, number>();
  #lastPlace = 0;
  #isInOrder = true;
  #documents = 0;
  #isOver = false;

  /** The engine must be empty, and must have the configuration of the previous process. */
  constructor(engine: Engine, place: Place) {
    this.#engine = engine;
    this.#place = place;
    this.#bases = new Map(engine.plan.eroutes.map((eroute) => [nameOf(eroute), eroute]));
    const vocabulary = engine.changes?.vocabulary ?? new Vocabulary();
    this.#around = { interned: new Map(), vocabulary };
    engine.now = asInstant(place.anchor.now);
  }

  /** Whether all documents were read, the last one included. */
  get isComplete(): boolean {
    return this.#isOver;
  }

  /**
   * Reads one document; they have to come in the order in which they were written. The caller
   * wipes it. A refused site stays unknown here, and may negotiate anew.
   */
  read(document: Uint8Array): Result<undefined, StateFault> {
    const { anchor, generation: reader } = this.#place;
    const read = readDocument(part, document, anchor, this.#around);
    if (!read.ok) {
      this.#documents++;
      return read;
    }
    const { value, generation: writer } = read.value;
    if (reader <= writer) return err(notLater(writer, reader));
    if (value.kind === "end") return this.#end(value.documents);
    const isFirst = this.#documents++ === 0;
    if (isFirst !== (value.kind === "head")) return err(malformed("documents in another order"));
    return this.#put(value, writer, false);
  }

  /** Takes note of what the document with this number is about; its beginning is enough. */
  expect(number: number, content: Uint8Array): void {
    const about = readBeginning(label, content, this.#place.anchor);
    if (about !== undefined) this.#awaited.note(number, about);
  }

  /**
   * Numbers of the documents to be read before this message can be handled, in order; undefined: it
   * has to wait for all of them. So does whatever makes an SA: uniqueness, limits, subnets and
   * numbers that are taken are a matter of all sites, and the kernel may still have what the
   * process before made without having noted it.
   */
  wanted(message: Uint8Array): readonly number[] | undefined {
    const header = parseHeader(message);
    const spis = header.ok ? spisToldBy(header.value) : [];
    const numbers = spis.flatMap((spi) => this.#awaited.before(spi));
    if (numbers.length > 0) return numbers;
    return spis.some((spi) => entryAt(this.#engine, spi) !== undefined) ? [] : undefined;
  }

  /** What the process before was waiting for is settled, of all that has been read. */
  settle(): void {
    for (const parcel of this.#mail.splice(0)) this.#engine.inbox.push(parcel);
  }

  /**
   * Reads the content of a document that was kept while the process before was running; the head
   * comes first. Returns the name of the document; undefined: it repeats what another one has.
   */
  readKept(
    content: Uint8Array,
    number = this.#lastPlace + 1,
  ): Result<string | undefined, StateFault> {
    this.#awaited.read(number);
    const { anchor, generation: reader } = this.#place;
    const read = readContent(labelled, content, anchor, this.#around);
    if (!read.ok) return read;
    const { value: whole, generation: writer } = read.value;
    const value = whole.part;
    if (reader <= writer) return err(notLater(writer, reader));
    const isFirst = this.#documents++ === 0;
    const isInOrder = isFirst === (value.kind === "head");
    if (!isInOrder || value.kind === "end") return err(malformed("documents in another order"));
    if (isRepeated(this.#engine, value)) return ok(undefined);
    const done = this.#put(value, writer, true);
    if (!done.ok) return done;
    // To write all sites again at once would keep everybody waiting, and change nothing.
    const [eroute] = value.kind === "site" ? value.site.eroutes : [];
    if (value.kind === "site" && eroute !== undefined) {
      const key = erouteKey(eroute.base, eroute.peerId);
      unchangedSite(this.#engine, key, value.site.ikeSas);
      this.#note(key, number);
    }
    return ok(keptName(value));
  }

  #note(erouteKey: string, number: number): void {
    this.#places.set(erouteKey, number);
    if (number < this.#lastPlace) this.#isInOrder = false;
    this.#lastPlace = Math.max(this.#lastPlace, number);
  }

  /** After the last of them: sites are in their order, and nothing waits for the process before. */
  finish(): void {
    const engine = this.#engine;
    askAgain(engine);
    this.settle();
    this.#awaited.clear();
    if (!this.#isInOrder) this.#order();
    redirectAgain(engine);
    forgetNeedlessCalls(engine);
    this.#isOver = true;
  }

  /** The oldest site is the first to be evicted, and the newest has a policy that several want. */
  #order(): void {
    const places = this.#places;
    const keys = [...places].sort(([, a], [, b]) => a - b).map(([key]) => key);
    orderEroutes(this.#engine, keys);
    orderUsers(this.#engine, (key) => places.get(key) ?? 0);
  }

  /** `isKept`: documents of one moment do not fit together as well as those of a hand-over. */
  #put(
    value: Exclude<Part, { readonly kind: "end" }>,
    writer: number,
    isKept: boolean,
  ): Result<undefined, StateFault> {
    const engine = this.#engine;
    switch (value.kind) {
      case "head":
        this.#around.vocabulary?.load(value.head.words);
        return putHead(engine, value.head, isKept);
      case "site":
        return this.#putSite(value.site, writer);
      case "ike-sas":
        return this.#putLeft(value.entries, writer);
      case "reach":
        for (const reach of value.reach) putReach(engine, reach);
        return ok(undefined);
      case "kernel":
        putShared(engine, value.shared);
        return ok(undefined);
    }
  }

  #putSite(site: PlainSite, writer: number): Result<undefined, StateFault> {
    const engine = this.#engine;
    const entries = this.#inNextEpoch(site.entries, writer);
    if (!entries.ok) return entries;
    const eroutes = this.#erouteObjects(site);
    if (!eroutes.ok) return eroutes;
    const fault = siteFault(engine, site, eroutes.value);
    if (fault !== undefined) return err(malformed(fault));
    const current = eroutes.value.at(-1);
    if (current === undefined) return err(malformed("a site without an eroute"));
    putEroute(engine, current);
    for (const ikeSa of entries.value) {
      putIkeSa(engine, ikeSa, eroutes.value[ikeSa.site?.eroute ?? -1]);
    }
    for (const child of site.children) putChild(engine, child, current.key);
    for (const ikeSa of entries.value) this.#noteWaits(ikeSa);
    for (const [at, { errand }] of site.eroutes.entries()) {
      const eroute = eroutes.value[at];
      if (eroute !== undefined && errand !== undefined) addErrand(engine, eroute, errand);
    }
    putDuties(engine, current, site);
    return ok(undefined);
  }

  #putLeft(written: readonly PlainIkeSa[], writer: number): Result<undefined, StateFault> {
    const entries = this.#inNextEpoch(written, writer);
    if (!entries.ok) return entries;
    const fault = entriesFault(this.#engine, written);
    if (fault !== undefined) return err(malformed(fault));
    for (const ikeSa of entries.value) {
      putIkeSa(this.#engine, ikeSa, undefined);
      this.#noteWaits(ikeSa);
    }
    return ok(undefined);
  }

  /** What has to be told to it once all are in the tables. */
  #noteWaits({ entry: { sa } }: PlainIkeSa): void {
    const spi = spiOf(sa);
    for (const { of, ticket } of kernelWaitsOf(sa)) {
      if (of === "child" && isAskedAgain(this.#engine, spi, ticket)) continue;
      const event: IkeEvent =
        of === "child"
          ? { kind: "child-installed", ticket, result: err(NOT_KNOWN) }
          : { kind: "usage", ticket, hasReceived: false, hasSent: true };
      this.#mail.push({ spi, event });
    }
    for (const { spiIn } of factsOf(sa)?.children ?? []) {
      if (installedAt(this.#engine, spiIn) !== undefined) continue;
      this.#mail.push({ spi, event: { kind: "close-child", spiIn } });
    }
  }

  /** Its keys never use an IV that the previous process used. */
  #inNextEpoch(
    entries: readonly PlainIkeSa[],
    writer: number,
  ): Result<readonly PlainIkeSa[], StateFault> {
    const later: PlainIkeSa[] = [];
    for (const { entry, site } of entries) {
      const next = inNextEpoch(entry.sa, { writer, reader: this.#place.generation });
      if (!next.ok) return next;
      later.push({ site, entry: { ...entry, sa: next.value } });
    }
    return ok(later);
  }

  /** The eroutes of one site: all of them share the same IKE SAs. */
  #erouteObjects({ eroutes, ikeSas }: PlainSite): Result<readonly ErouteInUse[], StateFault> {
    const spis: IkeSpi[] = [...ikeSas];
    const objects: ErouteInUse[] = [];
    for (const plain of eroutes) {
      const { kind, base: name } = plain;
      const base = this.#bases.get(nameOf({ kind: kind === "dynamic" ? "base" : kind, name }));
      if (base === undefined) {
        return err({
          kind: "no-eroute",
          detail: `no eroute ${name} is configured for ${plain.name}`,
        });
      }
      objects.push(erouteOfPlain(plain, base, spis));
    }
    return ok(objects);
  }

  #end(documents: number): Result<undefined, StateFault> {
    if (documents !== this.#documents) {
      const detail = `${this.#documents} of ${documents} documents`;
      return err({ kind: "truncated", detail });
    }
    endDuties(this.#engine);
    forgetNeedlessCalls(this.#engine);
    this.#isOver = true;
    return ok(undefined);
  }
}

function nameOf({ kind, name }: Pick<Eroute, "kind" | "name">): string {
  return `${kind} ${name}`;
}

function putHead(engine: Engine, head: Head, isKept: boolean): Result<undefined, StateFault> {
  if (ikeSaCounts(engine).all + erouteCount(engine) > 0)
    return err(malformed("not the first to be read"));
  engine.requests.continueAfter(head.lastRequest);
  putSites(engine, head.sites);
  putCalls(engine, head.calls);
  putDataplane(engine, head.dataplane, isKept);
  return ok(undefined);
}

/**
 * Whether the process ended between two documents: what has just left a site has one of its own,
 * and the document of the site still has it. Nothing that tells the peer had been sent then, so the
 * former state of the site counts.
 */
function isRepeated(engine: Engine, value: Part): boolean {
  if (value.kind === "ike-sas") {
    return value.entries.some(({ entry }) => entryAt(engine, spiOf(entry.sa)) !== undefined);
  }
  if (value.kind !== "kernel") return false;
  return value.shared.some(
    (one) => one.kind === "draining" && installedAt(engine, one.draining.id.spi) !== undefined,
  );
}

/** Why this document would make the tables inconsistent; undefined if it would not. */
function siteFault(
  engine: Engine,
  { ikeSas, entries, children }: PlainSite,
  eroutes: readonly ErouteInUse[],
): string | undefined {
  const key = eroutes[0]?.key;
  if (key === undefined || eroutes.some((eroute) => eroute.key !== key)) return "no site, or two";
  if (erouteAt(engine, key) !== undefined) return "a site that is there already";
  const spis = entries.map(({ entry }) => spiOf(entry.sa));
  const isListed = spis.length === ikeSas.length && spis.every((spi, at) => spi === ikeSas[at]);
  if (!isListed) return "IKE SAs other than the site has";
  const hasEroute = ({ entry, site }: PlainIkeSa) =>
    entry.peerId !== undefined && site?.eroute !== undefined && site.eroute < eroutes.length;
  if (!entries.every(hasEroute)) return "an IKE SA without an eroute";
  const spisIn = children.map(({ child }) => child.spiIn);
  const isTaken = spisIn.some((spiIn) => installedAt(engine, spiIn) !== undefined);
  if (isTaken || new Set(spisIn).size < spisIn.length) return "an ESP SPI that is there already";
  return entriesFault(engine, entries);
}

function entriesFault(engine: Engine, entries: readonly PlainIkeSa[]): string | undefined {
  const spis = entries.map(({ entry }) => spiOf(entry.sa));
  const isAsking = entries.every(({ entry }) =>
    entry.work.every((work) => canAskAgain(entry.sa, work)),
  );
  if (!isAsking) return "a key exchange that its IKE SA does not wait for";
  const isTaken = spis.some((spi) => entryAt(engine, spi) !== undefined);
  return isTaken || new Set(spis).size < spis.length ? "an SPI that is there already" : undefined;
}

/** The answer went to the process before: the Child SA counts as refused, and is made anew. */
const NOT_KNOWN: Refusal = {
  kind: "kernel",
  reason: "kernel-refused",
  detail: "the process ended before the kernel had answered",
};

/** The name under which a document is kept. */
function keptName(value: Exclude<Part, { readonly kind: "end" }>): string {
  if (value.kind === "site") {
    const [eroute] = value.site.eroutes;
    if (eroute !== undefined) return nameOfSite(erouteKey(eroute.base, eroute.peerId));
  }
  const [shared] = value.kind === "kernel" ? value.shared : [];
  if (shared?.kind === "draining") return nameOfDraining(shared.draining.id.spi);
  const [ikeSa] = value.kind === "ike-sas" ? value.entries : [];
  return ikeSa === undefined ? value.kind : nameOfIkeSa(spiOf(ikeSa.entry.sa));
}

function malformed(detail: string): StateFault {
  return { kind: "malformed", detail };
}

function notLater(writer: number, reader: number): StateFault {
  const detail = `generation ${reader} cannot read what generation ${writer} has written`;
  return { kind: "generation-not-later", detail };
}
