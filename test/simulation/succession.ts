/** A concentrator whose process ends now and then: another one goes on from its documents. */

import {
  type Concentrator,
  concentratorOn,
  createConcentrator,
} from "../../src/concentrator/concentrator.ts";
import { type ConcentratorOptions, createEngine } from "../../src/concentrator/create-engine.ts";
import { type Effect, isKeptFirst } from "../../src/concentrator/effect.ts";
import type { Event } from "../../src/concentrator/event.ts";
import { part } from "../../src/concentrator/handover/part.ts";
import type { PlainIkeSa } from "../../src/concentrator/handover/plain-ike-sa.ts";
import {
  COUNTER_NAMES,
  type CounterName,
  type ErouteView,
} from "../../src/concentrator/snapshot.ts";
import type { EroutePlan } from "../../src/eroute/eroute.ts";
import { readDocument } from "../../src/ike/state/document.ts";
import type { Place } from "../../src/ike/state/written-ike-sa.ts";
import { inEpoch } from "../../src/ike/state/written-ike-sa.ts";
import { assert } from "../../src/octets/assert.ts";
import type { Anchor } from "../../src/octets/codec.ts";
import { asInstant, later } from "../../src/octets/instant.ts";
import { ok } from "../../src/octets/result.ts";
import { keepingOf, type Reading } from "./keeping.ts";

export type Succession = {
  /** The same for those around it, whichever process it is. */
  readonly concentrator: Concentrator;
  /** How often another process went on. */
  successions(): number;
  /** Whether what is kept is complete; throws if it is not. */
  checkKept(now: number): void;
  /** Copies of the documents that are kept, by name. */
  kept(): ReadonlyMap<string, Uint8Array>;
  /**
   * The process ends, without a word, and the next one goes on from what was kept; whether all
   * sites look as before.
   */
  crash(now: number): boolean;
  /** The same, wherever it is in its work: what has not been kept is lost. */
  die(now: number): void;
  /** Keeps what has changed. */
  save(now: number): void;
  /**
   * The same, but messages of sites are handled before all is read: until something else happens,
   * which then comes after `onRead`.
   */
  crashLazily(now: number, onRead: () => void): void;
  /** How many of the effects of the last event are what a take-over wanted done before it. */
  dueBefore(): number;
  /** Whether that is under way. */
  isReading(): boolean;
  /** Ends the process, unless it has to wait; `place` is that of the next one. */
  succeed(place: Place): boolean;
  /** What was handed over last. */
  last(): HandOver | undefined;
};

export type HandOver = {
  readonly documents: readonly Uint8Array[];
  readonly plan: EroutePlan;
  /** Of the process that reads. */
  readonly place: Place;
};

/**
 * `first`: the first process, with nothing to go on from. `savesLate`: as the daemon does it, only
 * what has to be is kept after an event, all else when {@link Succession.save} is called.
 */
export function createSuccession(
  options: ConcentratorOptions & { readonly savesLate?: boolean },
  first = createEngine(options),
): Succession {
  let current = concentratorOn(first);
  let keeping = keepingOf(first, current);
  /** Of the process that is running. */
  let generation = 0;
  let { plan } = options;
  let due: readonly Effect[] = [];
  let dueBefore = 0;
  let successions = 0;
  /** How far the clock of the process is ahead of the one that all see: each began elsewhere. */
  let ahead = 0;
  let last: HandOver | undefined;
  /** What the processes before have counted; undefined: there was none. */
  let before: Counters | undefined;
  const countLast = (): void => {
    before = sumOf(before, current.snapshot().counters);
  };
  /** Of negotiations, one that had proved who it is was counted as up: it is over with them. */
  const countLost = (seen: Look, look: Look): number => {
    const lost = upOf(seen) - upOf(look);
    assert(lost >= 0 && lost <= unansweredOf(seen), `${lost} IKE SAs are lost`);
    assert(before !== undefined, "a process has ended");
    before = { ...before, ike_sas_closed: before.ike_sas_closed + lost };
    return lost;
  };
  /** A take-over under way. */
  let reading: (Reading & Pause) | undefined;
  /** What has to be done before this event, which may have to wait for the end of a take-over. */
  const prepare = (event: Event): readonly Effect[] => {
    if (reading === undefined || ANSWERS.has(event.kind)) return [];
    const early = event.kind === "datagram" ? reading.prepare(event.octets) : undefined;
    if (early !== undefined) return early;
    const { finish, onRead } = reading;
    reading = undefined;
    const effects = finish();
    onRead();
    return effects;
  };
  const concentrator: Concentrator = {
    handle(event, now) {
      due = [...due, ...prepare(event)];
      dueBefore = due.length;
      if (event.kind === "configuration") plan = event.plan;
      const effects = [...due, ...current.handle(event, later(now, ahead))];
      const isLate = options.savesLate === true && !effects.some(isKeptFirst);
      if (options.keeps === true && !isLate) keeping.save(placeAt(now));
      due = [];
      return effects;
    },
    // What a new process wants done at once is done with the next event.
    nextDeadline() {
      if (reading !== undefined) return asInstant(reading.endsAt);
      if (due.length > 0) return asInstant(0);
      const next = current.nextDeadline();
      return next === undefined ? undefined : later(next, -ahead);
    },
    snapshot() {
      const snapshot = current.snapshot();
      return { ...snapshot, counters: sumOf(before, snapshot.counters) };
    },
    preview: (...about) => current.preview(...about),
    sitesOf: (egroup) => current.sitesOf(egroup),
    isAdjusting: () => current.isAdjusting(),
    rowVerdict: (...about) => current.rowVerdict(...about),
    decryptionTableLine: (message) => current.decryptionTableLine(message),
    tableSizes: () => current.tableSizes(),
    write: (place) => current.write(place),
    changes: (place) => current.changes(place),
    takeOver: (place) => current.takeOver(place),
    reread: (place) => current.reread(place),
    claims: () => current.claims(),
    hasLeftBehind: () => current.hasLeftBehind(),
    leaveBehind: () => current.leaveBehind(),
    hasTold: () => current.hasTold(),
    isIdle: () => current.isIdle(),
  };
  const placeAt = (now: number): Place => ({
    anchor: aheadBy({ now, wallMs: WALL_MS + now }, ahead),
    generation,
  });
  /** A process that only reads: what it lacks is lost. */
  const readOf = (place: Place): Concentrator => {
    const other = createConcentrator({ ...options, plan, now: asInstant(place.anchor.now) });
    keeping.takeOver(other, place);
    return other;
  };
  /** Of the process as it would be with all sites. */
  const look = (): Look => {
    if (reading === undefined) return lookAt(current, ahead);
    const { anchor } = reading.place;
    return lookAt(readOf({ anchor, generation: generation + 1 }), ahead);
  };
  /** An empty process takes the place of the one that was killed, which may have been reading. */
  const follow = (now: number): Place => {
    countLast();
    generation += 1;
    ahead += AHEAD_MS;
    const place = placeAt(now);
    const engine = createEngine({ ...options, plan, now: asInstant(place.anchor.now) });
    current = concentratorOn(engine);
    keeping = keepingOf(engine, current, new Map(keeping.kept));
    reading = undefined;
    due = [];
    successions++;
    return place;
  };
  return {
    concentrator,
    checkKept: (now) => keeping.check(placeAt(now)),
    kept: () => new Map([...keeping.kept].map(([name, content]) => [name, content.slice()])),
    crash(now) {
      const seen = look();
      const place = follow(now);
      due = keeping.takeOver(current, place);
      const after = lookAt(current, ahead);
      return countLost(seen, after) === 0 && isSameLook(seen, after);
    },
    die(now) {
      const place = follow(now);
      due = keeping.takeOver(current, place);
    },
    save(now) {
      if (options.keeps === true) keeping.save(placeAt(now));
    },
    crashLazily(now, onRead) {
      const seen = look();
      const place = follow(now);
      countLost(seen, lookAt(readOf(place), ahead));
      const endsAt = now + READING_MS;
      reading = { ...keeping.begin(current, place), place, endsAt, onRead };
    },
    dueBefore: () => dueBefore,
    isReading: () => reading !== undefined,
    successions: () => successions,
    last: () => last,
    succeed(place) {
      if (due.length > 0) return false;
      const { anchor, generation } = place;
      const writer = { anchor: aheadBy(anchor, ahead), generation: generation - 1 };
      const written = current.write(writer);
      if (written === undefined) return false;
      const documents = [...written];
      const aheadOfNext = ahead + AHEAD_MS;
      const reader = { anchor: aheadBy(anchor, aheadOfNext), generation };
      last = { documents: documents.map((document) => document.slice()), plan, place: reader };
      const seen = lookAt(current, ahead);
      countLast();
      const next = createConcentrator({ ...options, plan, now: asInstant(reader.anchor.now) });
      due = takenOver(next, documents, reader);
      current = next;
      ahead = aheadOfNext;
      successions++;
      const look = lookAt(next, ahead);
      if (countLost(seen, look) === 0) assert(isSameLook(seen, look), "the sites look as before");
      assert(isSame(last, [...(next.write(reader) ?? [])]), "it writes what it has read");
      return true;
    },
  };
}

type Counters = Readonly<Record<CounterName, number>>;

function sumOf(before: Counters | undefined, counters: Counters): Counters {
  if (before === undefined) return counters;
  const sums: Record<CounterName, number> = Object.assign({}, counters);
  for (const name of COUNTER_NAMES) sums[name] += before[name];
  return sums;
}

/** Whether what the next process writes at once is what was handed over to it. */
function isSame({ documents, place }: HandOver, again: readonly Uint8Array[]): boolean {
  const [before, after] = [documents, again].map((all) =>
    all.map((document) => comparable(document, place)),
  );
  return Bun.deepEquals(before, after);
}

/** What stands in a document, but for what differs in each process. */
function comparable(document: Uint8Array, { anchor }: Place): unknown {
  const read = readDocument(part, document, anchor);
  assert(read.ok, "what was read is a document");
  const { value } = read.value;
  if (value.kind === "head") return { ...value, head: { ...value.head, lastRequest: 0 } };
  const inFirstEpoch = ({ entry, site }: PlainIkeSa) => {
    const { sa, ...rest } = entry;
    return { ...rest, site, sa: inEpoch(sa, () => ok(0)) };
  };
  if (value.kind === "ike-sas") return value.entries.map(inFirstEpoch);
  if (value.kind !== "site") return value;
  return { ...value.site, entries: value.site.entries.map(inFirstEpoch) };
}

/** Sites as they are seen, the oldest first; one that is only negotiating is not one of them. */
type Look = {
  readonly views: readonly ErouteView[];
  /** Of the clock by which their instants are. */
  readonly ahead: number;
};

function lookAt(concentrator: Concentrator, ahead: number): Look {
  const { eroutes, erouteCount } = concentrator.snapshot();
  return { views: eroutes(0, erouteCount), ahead };
}

/** Whether the same is seen, with instants in whole milliseconds. */
function isSameLook(seen: Look, look: Look): boolean {
  const [before, now] = [seen, look].map(({ views }) =>
    views.filter(({ ikeSas }) => ikeSas.length > 0),
  );
  return isAlike(["", before, now], [seen.ahead, look.ahead]);
}

type Field = readonly [name: string, before: unknown, now: unknown];

function isAlike([name, before, now]: Field, ahead: readonly [number, number]): boolean {
  if (typeof before === "number" && typeof now === "number") {
    if (!name.endsWith("At")) return before === now;
    return Math.round(before - ahead[0]) === Math.round(now - ahead[1]);
  }
  if (!isObject(before) || !isObject(now)) return before === now;
  const names = Object.keys(before);
  if (names.length !== Object.keys(now).length) return false;
  return names.every((name) => isAlike([name, before[name], now[name]], ahead));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/**
 * What may be lost: of a site with a Child SA one IKE SA at least has been answered. With IKEv1 it
 * may have none.
 */
function unansweredOf({ views }: Look): number {
  return views.reduce(
    (sum, { ikeSas: { length }, childSas }) =>
      sum + (childSas.length > 0 ? Math.max(0, length - 1) : length),
    0,
  );
}

function upOf({ views }: Look): number {
  return views.reduce((sum, { ikeSas }) => sum + ikeSas.length, 0);
}

type Pause = {
  readonly place: Place;
  readonly endsAt: number;
  readonly onRead: () => void;
};

/** So long a process reads before something else happens than messages of sites. */
const READING_MS = 50;
const ANSWERS: ReadonlySet<Event["kind"]> = new Set([
  ...(["kernel-answer", "key-exchange-answer", "signature-answer", "peer-rows"] as const),
]);

/** Wall time when the clock that all see stands at 0. */
const WALL_MS = 1_800_000_000_000;

/** The clock of each process is a day ahead of that of the one before. */
const AHEAD_MS = 86_400_000;

function aheadBy({ now, wallMs }: Anchor, ms: number): Anchor {
  return { now: now + ms, wallMs };
}

/** What the next process wants done first. */
function takenOver(
  next: Concentrator,
  documents: readonly Uint8Array[],
  place: Place,
): readonly Effect[] {
  const successor = next.takeOver(place);
  for (const document of documents) {
    const read = successor.read(document);
    assert(read.ok, read.ok ? "" : `what was written cannot be read: ${read.error.detail}`);
    document.fill(0xee);
  }
  const effects = successor.goOn();
  assert(effects !== undefined, "all documents were read");
  return effects;
}
