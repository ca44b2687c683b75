/**
 * In front of the journal and the log: repeats are folded into one line, and each source has a
 * share.
 *
 * Noisy sources get fewer lines; what is left out is reported with the next line ("and 1,312 more
 * like it"), and counted. No source pushes out the events of others.
 */

import type { Instant } from "../../octets/instant.ts";
import { RecencyMap } from "../../octets/recency-map.ts";
import { type Bucket, newBucket, Rate, type RateLimit, takeToken } from "../rate.ts";
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
/** After this time without an entry, a source may do whatever a new one may: it is forgotten. */
const QUIET_MS = 300_000;
/** Sources that are forgotten at one time. */
const FORGOTTEN_AT_ONCE = 2_000;
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
  /**
   * The entry as it is to be written; undefined: it is reported later, in one line with others.
   * `more.source` is the entry's, if it is known already.
   */
  take(entry: JournalEntry, now: Instant, more?: TakeOptions): JournalEntry | undefined;
  /** Lines that tell what was left out since, at most {@link TOLD_AT_ONCE}. */
  due(now: Instant): readonly JournalEntry[];
  /** Frees what is kept of sources that have been quiet for long, of so many at a time. */
  forgetQuiet(now: Instant): void;
  /** Whether a report is still due. */
  readonly isWaiting: boolean;
  /** How many entries were left out since start. */
  readonly folded: number;
  /** How many sources are remembered. */
  readonly size: number;
};

export type TakeOptions = { readonly isWatched?: boolean; readonly source?: EventSource };

/** What was left out of one kind, of one source, or of all strangers: one line will report it. */
type Fold = {
  count: number;
  since: Instant;
  last: JournalEntry | undefined;
  readonly words: (count: number) => string;
  /** Gets what finds no room here. */
  readonly up: Fold | undefined;
};

/** Things that count as the same, of one source. There is a fold once something was left out. */
type Kind = Sameness & Bucket & { fold: Fold | undefined };

/** Entries that have all of this in common are repeats. */
type Sameness = Pick<JournalEntry, "step" | "outcome" | "level" | "reason"> & {
  readonly about: string | undefined;
};

type Source = Bucket & {
  readonly name: string;
  fold: Fold | undefined;
  /** The one that came last is the last. */
  readonly kinds: Kind[];
};

/** Nothing has been left out yet. */
export function createFolding(now: Instant): Folding {
  return new Folder(now);
}

class Folder implements Folding {
  readonly #sites = new RecencyMap<string, Source>();
  readonly #prefixes = new RecencyMap<string, Source>();
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
      if (entry.peerId !== undefined) this.#sites.delete(siteSource(entry.peerId).key);
      return entry;
    }
    const of = more.source ?? eventSourceOf(entry);
    const source = this.#sourceOf(of, now, isWatched);
    const kind = kindOf(source, isWatched ? WATCHED_KIND : samenessOf(entry, of), now);
    if (!takeToken(kind, isWatched ? WATCHED : REPEATS, now))
      return this.#leaveOut(this.#foldOf(source, kind), entry, now);
    const hasShare = takeToken(source, isWatched ? WATCHED : SHARE, now);
    if (of.kind !== "daemon" && !hasShare) {
      return this.#leaveOut(this.#foldOf(source), entry, now);
    }
    if (of.kind === "stranger" && !isWatched && !this.#strangers.take(now)) {
      return this.#leaveOut(this.#foldOf(source), entry, now);
    }
    return kind.fold === undefined ? entry : this.#told(kind.fold, entry, now);
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
    for (const table of [this.#sites, this.#prefixes]) {
      for (let n = 0; n < FORGOTTEN_AT_ONCE; n++) {
        const source = table.oldest();
        // Whoever repeats himself all the time is given a token every half minute.
        if (source === undefined || source.at > now - QUIET_MS) break;
        table.deleteOldest();
      }
    }
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
    const isStranger = kind === "stranger";
    const table = isStranger ? this.#prefixes : this.#sites;
    const place = isWatched ? `${key} watched` : key;
    const known = table.use(place);
    if (known !== undefined) return known;
    const { tokens, at } = newBucket(isWatched ? WATCHED : SHARE, now);
    const source = { name, tokens, at, fold: undefined, kinds: [] };
    table.set(place, source);
    if (table.size > (isStranger ? PREFIXES_MAX : SITES_MAX)) table.deleteOldest();
    return source;
  }

  /** Of one kind, or of the source without its kinds. */
  #foldOf(source: Source, kind?: Kind): Fold {
    const { name } = source;
    source.fold ??= newFold((count) => `and ${counted(count)} more of ${name}`, this.#rest);
    if (kind === undefined) return source.fold;
    kind.fold ??= newFold(likeIt, source.fold);
    return kind.fold;
  }
}

function kindOf({ kinds }: Source, sameness: Sameness, now: Instant): Kind {
  const at = kinds.findIndex((kind) => isSame(kind, sameness));
  const known = kinds[at];
  if (known !== undefined) {
    if (at < kinds.length - 1) kinds.push(...kinds.splice(at, 1));
    return known;
  }
  const { step, outcome, level, reason, about } = sameness;
  const { tokens, at: since } = newBucket(sameness === WATCHED_KIND ? WATCHED : REPEATS, now);
  const kind = { step, outcome, level, reason, about, tokens, at: since, fold: undefined };
  kinds.push(kind);
  if (kinds.length > KINDS_MAX) kinds.shift();
  return kind;
}

function isSame(a: Sameness, b: Sameness): boolean {
  return (
    a.reason === b.reason &&
    a.step === b.step &&
    a.outcome === b.outcome &&
    a.level === b.level &&
    a.about === b.about
  );
}

/** Of a traced site, everything counts as the same. */
const WATCHED_KIND: Sameness = {
  level: "debug",
  step: "control",
  outcome: "note",
  reason: "message",
  about: undefined,
};

/** Of the daemon's own notes only those that say the same are repeats. */
function samenessOf(entry: JournalEntry, { kind }: EventSource): Sameness {
  const { step, outcome, reason, level, peerId, detail } = entry;
  return { step, outcome, level, reason, about: kind === "daemon" ? detail : peerId };
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
