/**
 * In front of the journal and the log: repeats are folded into one line, and each source has a
 * share.
 *
 * Noisy sources get fewer lines; what is left out is reported with the next line ("and 1,312 more
 * like it"), and counted. No source pushes out the events of others.
 */

import type { Instant } from "../../octets/instant.ts";
import { Rate, type RateLimit } from "../rate.ts";
import { type EventSource, eventSourceOf, isOfOperator, siteSource } from "./event-source.ts";
import type { JournalEntry } from "./journal.ts";

/** The same thing happening to the same site or prefix, with the same ID: then it is folded. */
const REPEATS: RateLimit = { perSecond: 1 / 30, burst: 10 };
/** All lines of one site or prefix. */
const SHARE: RateLimit = { perSecond: 2, burst: 100 };
/** All lines of strangers. */
const STRANGERS: RateLimit = { perSecond: 10, burst: 200 };
/** Lines of one site that is being traced. */
const WATCHED: RateLimit = { perSecond: 50, burst: 500 };

/** Sites, and prefixes; the one that has been quiet longest is forgotten. */
const SITES_MAX = 16_384;
const PREFIXES_MAX = 4_096;
/** Different things of one source. */
const KINDS_MAX = 32;
/** Lines that were left out and are still to be reported. */
const WAITING_MAX = 1_024;
/** Reports of lines left out, made at one time. */
const TOLD_AT_ONCE = 64;
/** What is kept of the text of an entry that was left out. */
const DETAIL_LENGTH_MAX = 300;

/** Lines that were left out are reported after this time, if no other line reports them before. */
export const FOLD_MS = 30_000;

export type Folding = {
  /** The entry as it is to be written; undefined: it is reported later, in one line with others. */
  take(entry: JournalEntry, now: Instant, isWatched?: boolean): JournalEntry | undefined;
  /** Lines that tell what was left out since, at most {@link TOLD_AT_ONCE}. */
  due(now: Instant): readonly JournalEntry[];
  /** Whether a report is still due. */
  readonly isWaiting: boolean;
  /** How many entries were left out since start. */
  readonly folded: number;
  /** How many sources are remembered. */
  readonly size: number;
};

/** What was left out of one kind, of one source, or of all strangers: one line will report it. */
type Fold = {
  count: number;
  since: Instant;
  last: JournalEntry | undefined;
  readonly words: (count: number) => string;
  /** Gets what finds no room here. */
  readonly up: Fold | undefined;
};

type Kind = { readonly rate: Rate; readonly fold: Fold };
type Source = { readonly rate: Rate; readonly fold: Fold; readonly kinds: Map<string, Kind> };

/** Nothing has been left out yet. */
export function createFolding(now: Instant): Folding {
  return new Folder(now);
}

class Folder implements Folding {
  readonly #sites = new Map<string, Source>();
  readonly #prefixes = new Map<string, Source>();
  readonly #waiting = new Set<Fold>();
  readonly #strangers: Rate;
  readonly #rest: Fold = newFold((count) => `and ${counted(count)} more of others`, undefined);
  folded = 0;

  constructor(now: Instant) {
    this.#strangers = new Rate(STRANGERS, now);
  }

  take(entry: JournalEntry, now: Instant, isWatched = false): JournalEntry | undefined {
    // An operator who requests something about a site wants to see the result.
    if (isOfOperator(entry)) {
      if (entry.peerId !== undefined) this.#sites.delete(siteSource(entry.peerId).key);
      return entry;
    }
    const of = eventSourceOf(entry);
    const source = this.#sourceOf(of, now, isWatched);
    const kind = kindOf(source, kindKey(entry, of, isWatched), now, isWatched);
    if (!kind.rate.take(now)) return this.#leaveOut(kind.fold, entry, now);
    if (of.kind !== "daemon" && !source.rate.take(now)) {
      return this.#leaveOut(source.fold, entry, now);
    }
    if (of.kind === "stranger" && !isWatched && !this.#strangers.take(now)) {
      return this.#leaveOut(source.fold, entry, now);
    }
    return this.#told(kind.fold, entry, now);
  }

  due(now: Instant): readonly JournalEntry[] {
    const entries: JournalEntry[] = [];
    for (const fold of this.#waiting) {
      if (entries.length >= TOLD_AT_ONCE) break;
      const { last } = fold;
      fold.count--;
      if (last !== undefined) entries.push(this.#told(fold, last, now));
    }
    return entries;
  }

  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  get size(): number {
    return this.#sites.size + this.#prefixes.size;
  }

  #leaveOut(fold: Fold, entry: JournalEntry, now: Instant): undefined {
    this.folded++;
    this.#add(fold, { count: 1, last: entry, since: now });
  }

  #add(fold: Fold, more: Pick<Fold, "count" | "last" | "since">): void {
    const hasRoom = this.#waiting.has(fold) || this.#waiting.size < WAITING_MAX;
    if (!hasRoom && fold.up !== undefined) return this.#add(fold.up, more);
    if (!this.#waiting.has(fold)) fold.since = more.since;
    this.#waiting.add(fold);
    fold.count += more.count;
    fold.last = more.last === undefined ? fold.last : small(more.last);
  }

  #told(fold: Fold, entry: JournalEntry, now: Instant): JournalEntry {
    this.#waiting.delete(fold);
    const { count: folded, since, words } = fold;
    fold.count = 0;
    fold.last = undefined;
    if (folded <= 0) return entry;
    const seconds = Math.max(1, Math.round((now - since) / 1_000));
    return { ...entry, folded, detail: `${entry.detail} (${words(folded)}, in ${seconds} s)` };
  }

  #sourceOf({ kind, key, name }: EventSource, now: Instant, isWatched: boolean): Source {
    const [table, max] =
      kind === "stranger" ? [this.#prefixes, PREFIXES_MAX] : [this.#sites, SITES_MAX];
    const place = isWatched ? `${key} watched` : key;
    const known = table.get(place);
    const source = known ?? newSource(name, this.#rest, { now, isWatched });
    table.delete(place);
    table.set(place, source);
    if (table.size > max) this.#forgetOldest(table);
    return source;
  }

  #forgetOldest(table: Map<string, Source>): void {
    for (const [key] of table) return void table.delete(key);
  }
}

function newSource(
  name: string,
  up: Fold,
  { now, isWatched }: { readonly now: Instant; readonly isWatched: boolean },
): Source {
  const words = (count: number) => `and ${counted(count)} more of ${name}`;
  const rate = new Rate(isWatched ? WATCHED : SHARE, now);
  return { rate, fold: newFold(words, up), kinds: new Map() };
}

function kindOf(source: Source, key: string, now: Instant, isWatched: boolean): Kind {
  const known = source.kinds.get(key);
  const limit = isWatched ? WATCHED : REPEATS;
  const kind = known ?? { rate: new Rate(limit, now), fold: newFold(likeIt, source.fold) };
  source.kinds.delete(key);
  source.kinds.set(key, kind);
  if (source.kinds.size > KINDS_MAX) {
    const [oldest] = source.kinds.keys();
    if (oldest !== undefined) source.kinds.delete(oldest);
  }
  return kind;
}

/** Of the daemon's own notes only those that say the same are repeats. */
function kindKey(entry: JournalEntry, { kind }: EventSource, isWatched: boolean): string {
  if (isWatched) return "";
  const { step, outcome, reason, level, peerId, detail } = entry;
  const about = kind === "daemon" ? detail : peerId;
  return `${step} ${outcome} ${level} ${reason} ${about ?? ""}`;
}

function newFold(words: Fold["words"], up: Fold | undefined): Fold {
  return { count: 0, since: 0 as Instant, last: undefined, words, up };
}

function likeIt(count: number): string {
  return `and ${counted(count)} more like it`;
}

function counted(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

/**
 * Many of them can wait: lists are dropped, and a part of a text is copied, so that the rest is
 * freed.
 */
function small(entry: JournalEntry): JournalEntry {
  const { offered: _, wanted: __, ...rest } = entry;
  const { detail } = rest;
  if (detail.length <= DETAIL_LENGTH_MAX) return rest;
  return { ...rest, detail: `${[...detail.slice(0, DETAIL_LENGTH_MAX)].join("")}…` };
}
