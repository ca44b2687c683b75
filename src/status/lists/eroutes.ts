/** Eroutes in use as lists: searched, filtered, sorted and cut into pages, in short turns. */

import type { ErouteView, IkeSaView, Snapshot } from "../../concentrator/snapshot.ts";
import { type StateUses, stateKey } from "../source.ts";
import { inTurns, nextTurn } from "./turns.ts";

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
  /** Undefined: the oldest first. */
  readonly sort: ErouteSort | undefined;
  readonly descending: boolean;
};

/** The parameters of a request, by name. */
export type EroutesAsked = {
  readonly q: string | undefined;
  readonly eroute: string | undefined;
  readonly state: ErouteView["state"] | undefined;
  readonly sort: (typeof SORTS)[number] | undefined;
};

/** The query of a request. */
export function erouteQuery(
  { q, eroute, state, sort }: EroutesAsked,
  kind: ErouteView["kind"] | undefined,
): ErouteQuery {
  const key = EROUTE_SORTS.find((one) => sort === one || sort === `-${one}`);
  const descending = sort?.startsWith("-") ?? false;
  return { kind, text: q, eroute, state, sort: key, descending };
}

export type ErouteList = {
  /** How many match the query. */
  readonly total: number;
  readonly views: readonly ErouteView[];
};

type Page = { readonly offset: number; readonly limit: number };

/** Views that are made in one turn of the event loop: about a millisecond's worth. */
const VIEWS_PER_TURN = 100;
/** In one list: no table has more. */
const EROUTES_MAX = 200_000;

/**
 * A page of the eroutes that match the query. A list in order of creation costs one page; any other
 * reads the whole table in turns, and may miss eroutes that come or go meanwhile.
 */
export async function listEroutes(
  snapshot: Snapshot,
  query: ErouteQuery,
  page: Page,
  uses: StateUses,
): Promise<ErouteList> {
  const { kind, text, eroute, state, sort } = query;
  const { offset, limit } = page;
  if (text === undefined && eroute === undefined && state === undefined && sort === undefined) {
    const total = kind === "dynamic" ? snapshot.gauges.dynamicEroutes : snapshot.erouteCount;
    return { total, views: snapshot.eroutes(offset, limit, kind) };
  }
  const found = new Map<string, ErouteView>();
  const needle = text?.toLowerCase();
  for (let from = 0; from < EROUTES_MAX; from += VIEWS_PER_TURN) {
    const views = snapshot.eroutes(from, VIEWS_PER_TURN, kind);
    for (const view of views) {
      if (eroute !== undefined && view.baseEroute !== eroute) continue;
      if (state !== undefined && view.state !== state) continue;
      if (needle !== undefined && !mentions(view, needle)) continue;
      found.set(view.name, view);
    }
    if (views.length < VIEWS_PER_TURN) break;
    await nextTurn();
  }
  const all = [...found.values()];
  const sorted = sort === undefined ? all : await sortBy(all, sort, uses);
  if (query.descending) sorted.reverse();
  return { total: sorted.length, views: sorted.slice(offset, offset + limit) };
}

function mentions(view: ErouteView, needle: string): boolean {
  const texts = [view.peerId, view.name, view.peerAddress, ...view.remoteSubnets];
  return texts.some((text) => text.toLowerCase().includes(needle));
}

type Keyed = { readonly key: string | number; readonly view: ErouteView };

/** Ascending; keys are made once, and compared without regard to any language. */
async function sortBy(
  views: readonly ErouteView[],
  sort: ErouteSort,
  uses: StateUses,
): Promise<ErouteView[]> {
  const keyed = await inTurns(
    views,
    VIEWS_PER_TURN,
    (view): Keyed => ({ key: keyOf(view, sort, uses), view }),
  );
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return keyed.map(({ view }) => view);
}

function keyOf(view: ErouteView, sort: ErouteSort, uses: StateUses): string | number {
  switch (sort) {
    case "peer_id":
      return view.peerId.toLowerCase();
    case "eroute":
      return view.baseEroute.toLowerCase();
    case "state":
      return view.state;
    case "peer_address":
      return newestIkeSa(view)?.remoteEndpoint ?? view.peerAddress;
    case "created_at":
      return view.createdAt;
    case "bytes_in":
      return octetsOf(view, "in", uses);
    case "bytes_out":
      return octetsOf(view, "out", uses);
  }
}

/** The sum of the kernel's counters over all Child SAs. */
export function octetsOf(view: ErouteView, way: "in" | "out", uses: StateUses): number {
  let sum = 0n;
  for (const { localAddress, remoteAddress, spiIn, spiOut } of view.childSas) {
    const key = way === "in" ? stateKey(localAddress, spiIn) : stateKey(remoteAddress, spiOut);
    sum += uses.get(key)?.octets ?? 0n;
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
