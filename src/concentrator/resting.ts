/**
 * Sites at rest: what nothing has happened to for a while is kept as octets, which take a fifth of
 * the memory. Tables then hold their place instead of the object, and whoever asks a table for the
 * object wakes the site: all of its objects are in their tables again. `rest/` does both.
 */

import type { Eroute } from "../eroute/eroute.ts";
import type { PeerId } from "../eroute/peer-id.ts";
import { Draft } from "../octets/draft.ts";
import { textKeys } from "../octets/key-column.ts";
import { LongMap } from "../octets/long-map.ts";
import { OctetStore, type Place } from "../octets/octet-store.ts";
import { Vocabulary } from "../octets/vocabulary.ts";
import type { XfrmStateId } from "../xfrm/state.ts";

/** What the octets of many sites have in common, under one configuration. */
export type Lexicon = {
  readonly number: number;
  readonly vocabulary: Vocabulary;
  /** Eroutes as configured; sites hold their index. */
  readonly bases: Eroute[];
  readonly baseNumbers: Map<Eroute, number>;
  /** How many sites were written with it. */
  sites: number;
};

/** What is shown of all sites, also of those at rest. */
export type Resters = { v1: number; v2: number; canBeSentAway: number };

/** What walks over all sites want to know of one, which is not woken for that. */
export type Glimpse = {
  readonly base: Eroute;
  readonly peerId: PeerId;
  /** States that the kernel accepted from us. */
  readonly states: readonly XfrmStateId[];
};

export type Resting = {
  /** How many sites stay awake. */
  readonly awakeMax: number;
  /**
   * Keys of eroutes in use that something has happened to since they were last at rest, the latest
   * last. As values, too: the first of those need not be decoded.
   */
  readonly awake: LongMap<string, string>;
  /** The last one of them. */
  latest: string | undefined;
  /** How many were put to rest within the millisecond of the last one. */
  readonly portion: { ms: number; rested: number };
  readonly documents: OctetStore;
  /** Those that octets were written with, by number; the last one is for those that come. */
  readonly lexicons: Map<number, Lexicon>;
  lexicon: Lexicon;
  readonly resters: Resters;
  readonly draft: Draft;
  /** Sites that a bug of ours, or broken memory, has made unreadable, and what was thrown. */
  readonly lost: Map<Place, unknown>;
  /** Puts the objects of a site back into their tables; one that is lost stays as it is. */
  readonly wake: (place: Place) => void;
  /** Undefined: the site is lost. */
  readonly glimpse: (place: Place) => Glimpse | undefined;
  /** Whether the kernel may have states and policies of a lost site that nobody could name. */
  isLeftBehind: boolean;
};

/** A site and its SAs, as octets. */
const DOCUMENT_OCTETS = 4_096;

/** No site is at rest. */
export function createResting({
  awakeMax,
  wake,
  glimpse,
}: Pick<Resting, "awakeMax" | "wake" | "glimpse">): Resting {
  const lexicon = lexiconOf(1);
  return {
    awakeMax,
    awake: new LongMap(textKeys),
    latest: undefined,
    portion: { ms: Number.NEGATIVE_INFINITY, rested: 0 },
    documents: new OctetStore(),
    lexicons: new Map([[lexicon.number, lexicon]]),
    lexicon,
    resters: { v1: 0, v2: 0, canBeSentAway: 0 },
    draft: new Draft(DOCUMENT_OCTETS),
    lost: new Map(),
    wake,
    glimpse,
    isLeftBehind: false,
  };
}

function lexiconOf(number: number): Lexicon {
  return { number, vocabulary: new Vocabulary(), bases: [], baseNumbers: new Map(), sites: 0 };
}

/** Another configuration is in force: what sites have in common is collected anew. */
export function renewLexicon({ resting }: Has): void {
  if (resting.lexicon.sites === 0) resting.lexicons.delete(resting.lexicon.number);
  resting.lexicon = lexiconOf(resting.lexicon.number + 1);
  resting.lexicons.set(resting.lexicon.number, resting.lexicon);
}

type Has = { readonly resting: Resting };

/** What a table holds: the object, or where its site is at rest. */
export type Held<V extends object> = V | Place;

export function isAtRest<V extends object>(held: Held<V> | undefined): held is Place {
  return typeof held === "number";
}

type Table<K, V extends object> = Pick<LongMap<K, Held<V>>, "get" | "entries">;

/** The object under this key of a table, whose site is awake then; undefined also if it is lost. */
export function awakeAt<K, V extends object>(
  { resting }: Has,
  table: Table<K, V>,
  key: K,
): V | undefined {
  const held = table.get(key);
  if (!isAtRest(held)) return held;
  resting.wake(held);
  const woken = table.get(key);
  return isAtRest(woken) ? undefined : woken;
}

/** To wake a site, and to put it to rest again, takes as long as to look at so many awake ones. */
const WOKEN_LOOKS = 6;

/** How much has been looked at between two calls, if each is for one site. */
export function createLooks({ resting: { documents } }: Has): () => number {
  let before = documents.size;
  return () => {
    const isWoken = documents.size < before;
    before = documents.size;
    return isWoken ? WOKEN_LOOKS : 1;
  };
}

/** All objects of a table, each of whose sites is woken when its turn comes. */
export function* awakeOf<K, V extends object>(
  has: Has,
  table: Table<K, V>,
): Generator<V, undefined> {
  for (const [key, held] of table.entries()) {
    const value = isAtRest(held) ? awakeAt(has, table, key) : held;
    if (value !== undefined) yield value;
  }
  return undefined;
}

/** The keys under which a table holds a place: of one entry in each table, or of none. */
export function keysAt<K, V extends object>(
  table: Pick<LongMap<K, Held<V>>, "where">,
  place: Place,
): readonly K[] {
  return Array.from(
    table.where((held) => held === place),
    ([key]) => key,
  );
}

/** The objects of a table whose sites are awake. */
export function* onlyAwakeOf<V extends object>(
  table: Pick<LongMap<unknown, Held<V>>, "values">,
): Generator<V, undefined> {
  for (const held of table.values()) if (!isAtRest(held)) yield held;
  return undefined;
}

/** Something happens to the site of this eroute in use: it is the last to be put to rest. */
export function stayAwake({ resting }: Has, erouteKey: string): void {
  // What happens changes a site several times.
  if (resting.latest === erouteKey) return;
  resting.latest = erouteKey;
  const { awake } = resting;
  if (awake.moveToEnd(erouteKey) === undefined) awake.set(erouteKey, erouteKey);
}

/** Nothing is to be done for this one until something happens to it again. */
export function leaveAwake({ resting }: Has, erouteKey: string): void {
  if (resting.latest === erouteKey) resting.latest = undefined;
  resting.awake.delete(erouteKey);
}
