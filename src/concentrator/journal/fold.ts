/**
 * In front of the journal and the log: repeats are folded into one line, and each source has a
 * share.
 *
 * Noisy sources get fewer lines; what is left out is reported with the next line ("and 1,312 more
 * like it"), and counted. No source pushes out the events of others.
 */

import type { Instant } from "../../octets/instant.ts";
import { Rate, type RateLimit } from "../rate.ts";
import { EntryKinds } from "./entry-kinds.ts";
import { type EventSource, eventSourceOf, isOfOperator, siteSource } from "./event-source.ts";
import { type Fold, FoldSources, type Sameness } from "./fold-sources.ts";
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
/** Sources that are looked at for being quiet, at one time. */
const LOOKED_AT_ONCE = 2_000;
/** Lines that were left out and are still to be reported. */
const WAITING_MAX = 1_024;
/** Reports of lines left out, made at one time. */
const TOLD_AT_ONCE = 64;
/** What is kept of the text of an entry that was left out. */
const DETAIL_LENGTH_MAX = 300;

/** Lines that were left out are reported after this time, if no other line reports them before. */
export const FOLD_MS = 30_000;

export type Folding = {
  /**
   * The entry as it is to be written; undefined: it is reported later, in one line with others.
   * `more.source` is the entry's, if it is known already.
   */
  take(entry: JournalEntry, now: Instant, more?: TakeOptions): JournalEntry | undefined;
  /** Lines that tell what was left out since, at most {@link TOLD_AT_ONCE}. */
  due(now: Instant): readonly JournalEntry[];
  /** Forgets sources that may do again whatever a new one may, of so many at a time. */
  forgetQuiet(now: Instant): void;
  /** Whether a report is still due. */
  readonly isWaiting: boolean;
  /** How many entries were left out since start. */
  readonly folded: number;
  /** How many sources are remembered. */
  readonly size: number;
};

export type TakeOptions = { readonly isWatched?: boolean; readonly source?: EventSource };

/** Nothing has been left out yet. */
export function createFolding(now: Instant): Folding {
  return new Folder(now);
}

class Folder implements Folding {
  readonly #sites = new FoldSources(SITES_MAX);
  readonly #prefixes = new FoldSources(PREFIXES_MAX);
  readonly #kinds = new EntryKinds();
  readonly #waiting = new Set<Fold>();
  readonly #strangers: Rate;
  readonly #rest: Fold = newFold((count) => `and ${counted(count)} more of others`, undefined);
  folded = 0;

  constructor(now: Instant) {
    this.#strangers = new Rate(STRANGERS, now);
  }

  take(entry: JournalEntry, now: Instant, more: TakeOptions = {}): JournalEntry | undefined {
    const { isWatched = false } = more;
    // An operator who requests something about a site wants to see the result.
    if (isOfOperator(entry)) {
      if (entry.peerId !== undefined) this.#sites.forget(siteSource(entry.peerId).key);
      return entry;
    }
    const of = more.source ?? eventSourceOf(entry);
    const sources = of.kind === "stranger" ? this.#prefixes : this.#sites;
    const [share, repeats] = isWatched ? [WATCHED, WATCHED] : [SHARE, REPEATS];
    const source = sources.sourceAt(isWatched ? `${of.key} watched` : of.key, share, now);
    const sameness = isWatched ? WATCHED_KIND : this.#samenessOf(entry, of);
    const kind = sources.kindOf(source, sameness, repeats, now);
    const ofSource = () => sources.foldOfSource(source, () => this.#newFoldOf(of));
    const leaveOut = (fold: Fold) => {
      sources.noteLeftOut(source, now);
      return this.#leaveOut(fold, entry, now);
    };
    if (!sources.takeOfKind(source, kind, repeats, now)) {
      return leaveOut(sources.foldOfKind(kind, () => newFold(likeIt, ofSource())));
    }
    const hasShare = sources.take(source, share, now);
    if (of.kind !== "daemon" && !hasShare) return leaveOut(ofSource());
    const isStranger = of.kind === "stranger" && !isWatched;
    if (isStranger && !this.#strangers.take(now)) return leaveOut(ofSource());
    const fold = sources.foldOfKind(kind);
    return fold === undefined ? entry : this.#told(fold, entry, now);
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

  forgetQuiet(now: Instant): void {
    this.#sites.forgetQuiet(now, LOOKED_AT_ONCE);
    this.#prefixes.forgetQuiet(now, LOOKED_AT_ONCE);
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

  /** Of the daemon's own notes only those that say the same are repeats. */
  #samenessOf(entry: JournalEntry, { kind, name }: EventSource): Sameness {
    const what = this.#kinds.numberOf(entry);
    // All of a site are about it: its ID would be kept for each of them.
    if (kind === "site" && entry.peerId === name) return { what, about: undefined };
    return { what, about: kind === "daemon" ? entry.detail : entry.peerId };
  }

  #newFoldOf({ name }: EventSource): Fold {
    return newFold((count) => `and ${counted(count)} more of ${name}`, this.#rest);
  }
}

/** Of a traced site, everything counts as the same. */
const WATCHED_KIND: Sameness = { what: -1, about: undefined };

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
