/** Eroutes in use as lists: searched, filtered, sorted and cut into pages, in short turns. */

import type { ErouteBrief, ErouteView, IkeSaView, Snapshot } from "../../concentrator/snapshot.ts";
import { type AlgorithmFilter, traitNames } from "../../why/algorithm-filter.ts";
import type { StateUses, StatusSource } from "../source.ts";
import { inTurns, nextTurn, sortInTurns } from "./turns.ts";

export const EROUTE_STATES = ["negotiating", "established", "closing"] as const;
export const EROUTE_SORTS = [
  "peer_id",
  "eroute",
  "state",
  "peer_address",
  "created_at",
  "bytes_in",
  "bytes_out",
] as const;

/** Both directions of each key: `-bytes_in` has the largest first. */
export const SORTS = EROUTE_SORTS.flatMap((key) => [key, `-${key}`] as const);

export type ErouteSort = (typeof EROUTE_SORTS)[number];

export type ErouteQuery = {
  readonly kind: ErouteView["kind"] | undefined;
  /** Text in the peer ID, the eroute's name, an address or a subnet, in upper or lower case. */
  readonly text: string | undefined;
  /** The name of the base eroute, or of a normal one. */
  readonly eroute: string | undefined;
  readonly state: ErouteView["state"] | undefined;
  /** An algorithm of an IKE SA or Child SA, and one that none of them has. */
  readonly with: AlgorithmFilter | undefined;
  readonly without: AlgorithmFilter | undefined;
  /** Undefined: the oldest first. */
  readonly sort: ErouteSort | undefined;
  readonly descending: boolean;
};

/** The parameters of a request, by name. */
export type EroutesAsked = {
  readonly q: string | undefined;
  readonly eroute: string | undefined;
  readonly state: ErouteView["state"] | undefined;
  readonly with?: AlgorithmFilter | undefined;
  readonly without?: AlgorithmFilter | undefined;
  readonly sort: (typeof SORTS)[number] | undefined;
};

/** The query of a request. */
export function erouteQuery(
  { q, eroute, state, sort, with: having, without }: EroutesAsked,
  kind: ErouteView["kind"] | undefined,
): ErouteQuery {
  const key = EROUTE_SORTS.find((one) => sort === one || sort === `-${one}`);
  const descending = sort?.startsWith("-") ?? false;
  return { kind, text: q, eroute, state, with: having, without, sort: key, descending };
}

export type ErouteList = {
  /** How many match the query. */
  readonly total: number;
  readonly views: readonly ErouteView[];
};

type Page = { readonly offset: number; readonly limit: number };

/** Made in one turn of the event loop: about a millisecond's worth. */
const VIEWS_PER_TURN = 50;
const BRIEFS_PER_TURN = 50;

type Source = Pick<StatusSource, "snapshot" | "wallMsNow" | "stateUses">;

/**
 * A page of the eroutes that match the query. A list in order of creation costs one page; any other
 * reads the whole table in turns, and may miss eroutes that come or go meanwhile. Its further pages
 * come from the list that the first one has made.
 */
export async function listEroutes(
  source: Source,
  query: ErouteQuery,
  page: Page,
): Promise<ErouteList> {
  const { kind, sort } = query;
  const { offset, limit } = page;
  const snapshot = source.snapshot();
  if (!isFiltered(query) && sort === undefined) {
    const total = kind === "dynamic" ? snapshot.gauges.dynamicEroutes : snapshot.erouteCount;
    return { total, views: snapshot.eroutes(offset, limit, kind) };
  }
  const known = offset === 0 ? undefined : knownList(source, query);
  const names = known ?? (await namesOf(source, snapshot, query));
  if (known === undefined) keepList(source, query, names);
  const views = await inTurns(names.slice(offset, offset + limit), VIEWS_PER_TURN, (one) =>
    viewOf(snapshot, one),
  );
  return { total: names.length, views: views.filter((view) => view !== undefined) };
}

/** What a list keeps of an eroute: its view is made again for the page that shows it. */
type Named = Pick<ErouteView, "name" | "peerId">;

/** Those that match the query, in its order. */
async function namesOf(
  source: Source,
  snapshot: Snapshot,
  query: ErouteQuery,
): Promise<readonly Named[]> {
  const { kind, text, eroute, state, sort } = query;
  const isByOctets = sort === "bytes_in" || sort === "bytes_out";
  const uses = isByOctets ? await source.stateUses() : NO_USES;
  const found: Keyed[] = [];
  const needle = text?.toLowerCase();
  const byAlgorithm = asksAlgorithms(query);
  const needsViews = byAlgorithm || (sort !== undefined && OF_VIEWS.has(sort));
  const perTurn = needsViews ? VIEWS_PER_TURN : BRIEFS_PER_TURN;
  const next = snapshot.briefs(kind);
  for (let briefs = next(perTurn); briefs.length > 0; briefs = next(perTurn)) {
    for (const brief of briefs) {
      if (eroute !== undefined && brief.baseEroute !== eroute) continue;
      if (state !== undefined && brief.state !== state) continue;
      if (needle !== undefined && !mentions(brief, needle)) continue;
      if (byAlgorithm && !hasAlgorithms(viewOf(snapshot, brief), query)) continue;
      const { name, peerId } = brief;
      found.push({ name, peerId, key: keyOf(brief, sort, { snapshot, uses }) });
    }
    await nextTurn();
  }
  if (sort === undefined) return query.descending ? found.reverse() : found;
  const sorted = await sortInTurns(found, (a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return query.descending ? sorted.toReversed() : sorted;
}

const NO_USES: StateUses = { of: () => undefined };

/** The key is made once, and compared without regard to any language. */
type Keyed = Named & { readonly key: string | number };

type KeptList = {
  readonly query: string;
  readonly untilMs: number;
  readonly names: readonly Named[];
};

/** Lists whose further pages may be wanted, the latest last. */
const lists = new WeakMap<Source, readonly KeptList[]>();
const LISTS_MAX = 2;
const KEPT_MS = 10_000;

function knownList(source: Source, query: ErouteQuery): readonly Named[] | undefined {
  const wanted = JSON.stringify(query);
  const kept = fresh(source).find((list) => list.query === wanted);
  return kept?.names;
}

function keepList(source: Source, query: ErouteQuery, names: readonly Named[]): void {
  const list = { query: JSON.stringify(query), untilMs: source.wallMsNow() + KEPT_MS, names };
  const others = fresh(source).filter((other) => other.query !== list.query);
  lists.set(source, [...others, list].slice(-LISTS_MAX));
}

/** A clock that is set back ends them, too. */
function fresh(source: Source): readonly KeptList[] {
  const nowMs = source.wallMsNow();
  const kept = lists.get(source) ?? [];
  return kept.filter(({ untilMs }) => untilMs > nowMs && untilMs <= nowMs + KEPT_MS);
}

/** Whether a query leaves any eroutes out. */
export function isFiltered({ text, eroute, state, with: having, without }: ErouteQuery): boolean {
  return [text, eroute, state, having, without].some((filter) => filter !== undefined);
}

function asksAlgorithms({ with: having, without }: ErouteQuery): boolean {
  return having !== undefined || without !== undefined;
}

/** An eroute without an SA has no algorithms yet: it is neither with one nor without. */
function hasAlgorithms(view: ErouteView | undefined, query: ErouteQuery): boolean {
  const { with: having, without } = query;
  const sas = view === undefined ? [] : [...view.ikeSas, ...view.childSas];
  const traits = view?.ikeSas.flatMap(traitNames) ?? [];
  const lists = [...sas.map(({ algorithms }) => algorithms), ...traits];
  if (lists.length === 0) return false;
  return having?.isIn(lists) !== false && without?.isIn(lists) !== true;
}

function mentions(brief: ErouteBrief, needle: string): boolean {
  const texts = [brief.peerId, brief.name, brief.peerAddress, ...brief.remoteSubnets];
  return texts.some((text) => text.toLowerCase().includes(needle));
}

/** Sorts that need more of an eroute than its brief. */
const OF_VIEWS: ReadonlySet<ErouteSort> = new Set(["peer_address", "bytes_in", "bytes_out"]);

function keyOf(
  brief: ErouteBrief,
  sort: ErouteSort | undefined,
  { snapshot, uses }: { readonly snapshot: Snapshot; readonly uses: StateUses },
): string | number {
  const view = () => viewOf(snapshot, brief);
  const octets = (way: "in" | "out") => {
    const seen = view();
    return seen === undefined ? 0 : octetsOf(seen, way, uses);
  };
  switch (sort) {
    case undefined:
      return 0;
    case "peer_id":
      return brief.peerId.toLowerCase();
    case "eroute":
      return brief.baseEroute.toLowerCase();
    case "state":
      return brief.state;
    case "peer_address": {
      const seen = view();
      const newest = seen === undefined ? undefined : newestIkeSa(seen);
      return newest?.remoteEndpoint ?? brief.peerAddress;
    }
    case "created_at":
      return brief.createdAt;
    case "bytes_in":
      return octets("in");
    case "bytes_out":
      return octets("out");
  }
}

/** Its view now; undefined if it is no longer in use. */
function viewOf(snapshot: Snapshot, { name, peerId }: Named): ErouteView | undefined {
  return snapshot.site(peerId).find((view) => view.name === name);
}

/** The sum of the kernel's counters over all Child SAs. */
export function octetsOf(view: ErouteView, way: "in" | "out", uses: StateUses): number {
  let sum = 0n;
  for (const { localAddress, remoteAddress, spiIn, spiOut } of view.childSas) {
    const use = way === "in" ? uses.of(localAddress, spiIn) : uses.of(remoteAddress, spiOut);
    sum += use?.octets ?? 0n;
  }
  return Number(sum);
}

/** The newest IKE SA: an eroute has two of them during a rekey. */
export function newestIkeSa(view: ErouteView): IkeSaView | undefined {
  return view.ikeSas.reduce<IkeSaView | undefined>(
    (newest, sa) =>
      newest === undefined || sa.establishedAt >= newest.establishedAt ? sa : newest,
    undefined,
  );
}
