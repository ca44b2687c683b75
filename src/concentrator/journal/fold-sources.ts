/**
 * The sources that have written lately, and what: how much each may still write. Nearly all is in
 * columns of numbers: thousands of sites connect at a time, and an object for each thing that each
 * of them does would be marked by every collection.
 */

import type { Instant } from "../../octets/instant.ts";
import { textKeys } from "../../octets/key-column.ts";
import { LongMap } from "../../octets/long-map.ts";
import type { RateLimit } from "../rate.ts";
import { Buckets, NO_ROW } from "./buckets.ts";
import type { JournalEntry } from "./journal.ts";

/** How long a source is remembered after something of it was left out. */
const LEFT_OUT_MS = 300_000;
/** Different things of one source. */
const KINDS_MAX = 32;

/** What was left out of one kind, of one source, or of all strangers: one line will report it. */
export type Fold = {
  count: number;
  since: Instant;
  last: JournalEntry | undefined;
  readonly words: (count: number) => string;
  /** Gets what finds no room here. */
  readonly up: Fold | undefined;
};

/** Entries that have all of this in common are repeats. */
export type Sameness = { readonly what: number; readonly about: string | undefined };

/** Sites, or prefixes; the one that has been quiet longest is forgotten. */
export class FoldSources {
  readonly #max: number;
  /** The one that has been quiet longest comes first. */
  readonly #rows = new LongMap<string, number>(textKeys);
  #sources = new Buckets();
  #kinds = new Buckets();
  /** Of a source: when it may do whatever a new one may, and its kind that came last. */
  #quietAt: number[] = [];
  #newest: number[] = [];
  /** Of a kind. */
  #what: number[] = [];
  #about: (string | undefined)[] = [];
  /** By row, once something was left out. */
  readonly #foldsOfSources = new Map<number, Fold>();
  readonly #foldsOfKinds = new Map<number, Fold>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#rows.size;
  }

  /** The row of a source, which is the last to be forgotten from now on. */
  sourceAt(key: string, limit: RateLimit, now: Instant): number {
    const known = this.#rows.moveToEnd(key);
    if (known !== undefined) return known;
    const source = this.#sources.add(limit, now);
    this.#quietAt[source] = now;
    this.#newest[source] = NO_ROW;
    this.#rows.set(key, source);
    const oldest = this.#rows.size > this.#max ? this.#rows.firstKey() : undefined;
    if (oldest !== undefined) this.forget(oldest);
    return source;
  }

  /** The row of a kind, which is the last of its source to be forgotten from now on. */
  kindOf(source: number, { what, about }: Sameness, limit: RateLimit, now: Instant): number {
    let before = NO_ROW;
    let count = 0;
    for (
      let kind = this.#newest[source] ?? NO_ROW;
      kind !== NO_ROW;
      kind = this.#kinds.next(kind)
    ) {
      if (this.#what[kind] === what && this.#about[kind] === about) {
        if (before !== NO_ROW) this.#moveToFront(source, kind, before);
        return kind;
      }
      if (++count === KINDS_MAX) {
        this.#kinds.link(before, NO_ROW);
        this.#forgetKind(kind);
        break;
      }
      before = kind;
    }
    const kind = this.#kinds.add(limit, now);
    this.#what[kind] = what;
    this.#about[kind] = about;
    this.#kinds.link(kind, this.#newest[source] ?? NO_ROW);
    this.#newest[source] = kind;
    return kind;
  }

  /** Whether one more of its kind may be written. */
  takeOfKind(source: number, kind: number, limit: RateLimit, now: Instant): boolean {
    const isTaken = this.#kinds.take(kind, limit, now);
    this.#stays(source, this.#kinds.fullAt(kind, limit));
    return isTaken;
  }

  /** Whether the source may write one more, of whatever kind. */
  take(source: number, limit: RateLimit, now: Instant): boolean {
    const isTaken = this.#sources.take(source, limit, now);
    this.#stays(source, this.#sources.fullAt(source, limit));
    return isTaken;
  }

  /** So that all that is left out of it is told in one line. */
  noteLeftOut(source: number, now: Instant): void {
    this.#stays(source, now + LEFT_OUT_MS);
  }

  foldOfSource(source: number, make: () => Fold): Fold {
    return foldIn(this.#foldsOfSources, source, make);
  }

  /** Without `make` the one that there is. */
  foldOfKind(kind: number): Fold | undefined;
  foldOfKind(kind: number, make: () => Fold): Fold;
  foldOfKind(kind: number, make?: () => Fold): Fold | undefined {
    return make ? foldIn(this.#foldsOfKinds, kind, make) : this.#foldsOfKinds.get(kind);
  }

  forget(key: string): void {
    const source = this.#rows.get(key);
    if (source === undefined) return;
    this.#rows.delete(key);
    this.#foldsOfSources.delete(source);
    let kind = this.#newest[source] ?? NO_ROW;
    while (kind !== NO_ROW) {
      const next = this.#kinds.next(kind);
      this.#forgetKind(kind);
      kind = next;
    }
    this.#sources.remove(source);
    if (this.size === 0) this.#shrink();
  }

  /** Forgets those that may do whatever a new one may; looks at `max` of them, the oldest first. */
  forgetQuiet(now: Instant, max: number): void {
    let left = max;
    for (const [key, source] of this.#rows) {
      if (left-- <= 0) return;
      if ((this.#quietAt[source] ?? 0) <= now) this.forget(key);
    }
  }

  /** The room of many that have been quiet is given back. */
  #shrink(): void {
    this.#sources = new Buckets();
    this.#kinds = new Buckets();
    this.#quietAt = [];
    this.#newest = [];
    this.#what = [];
    this.#about = [];
  }

  /** The source is not forgotten before. */
  #stays(source: number, until: number): void {
    if (until > (this.#quietAt[source] ?? 0)) this.#quietAt[source] = until;
  }

  #forgetKind(kind: number): void {
    this.#foldsOfKinds.delete(kind);
    this.#about[kind] = undefined;
    this.#kinds.remove(kind);
  }

  #moveToFront(source: number, kind: number, before: number): void {
    this.#kinds.link(before, this.#kinds.next(kind));
    this.#kinds.link(kind, this.#newest[source] ?? NO_ROW);
    this.#newest[source] = kind;
  }
}

function foldIn(folds: Map<number, Fold>, row: number, make: () => Fold): Fold {
  let fold = folds.get(row);
  if (fold === undefined) {
    fold = make();
    folds.set(row, fold);
  }
  return fold;
}
