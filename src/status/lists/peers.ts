/** Rows of an egroup's table and the state of their sites, without keys. */

import type { Snapshot } from "../../concentrator/snapshot.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import type { PeerListing, StatusSource } from "../source.ts";
import { inTurns } from "./turns.ts";

export type PeersWanted = {
  readonly egroup: string;
  /** The last peer ID of the page before. */
  readonly after: string | undefined;
  readonly limit: number;
  /** Text in the peer ID, a subnet or an address, in upper or lower case. */
  readonly text: string | undefined;
  readonly state: PeerState | undefined;
};

export const PEER_STATES = [
  "connected",
  "negotiating",
  "calling",
  "not connected",
  "disabled",
  /** Not connected, and not seen since start. */
  "never seen",
] as const;
export type PeerState = (typeof PEER_STATES)[number];

export type PeerView = {
  readonly row: PeerListing;
  readonly state: PeerState;
  /** Since start. */
  readonly isSeen: boolean;
};

export type PeersPage = {
  readonly peers: readonly PeerView[];
  /** Where the next page begins; undefined after the last row. */
  readonly next: string | undefined;
};

/** The parameters of a request, by name. */
export type PeersAsked = {
  readonly egroup: string | undefined;
  readonly q: string | undefined;
  readonly peer_state: PeerState | undefined;
  readonly after_peer: string | undefined;
  readonly limit: number;
};

/** The rows that a request selects; the error names the egroups. */
export function peersWanted(
  asked: PeersAsked,
  egroups: readonly string[],
): Result<PeersWanted, string> {
  const egroup = asked.egroup ?? egroups[0];
  if (egroup === undefined) return err("egroup: none is configured");
  if (!egroups.includes(egroup)) return err(`egroup must be one of ${egroups.join(", ")}`);
  const { q, peer_state, after_peer, limit } = asked;
  return ok({ egroup, after: after_peer, limit, text: q, state: peer_state });
}

/** Rows that a filtered list reads at once, and at most for one page. */
const READ_ROWS = 1_000;
const READ_ROWS_MAX = 20_000;

/**
 * A page of rows, read now; the error is the database's. A filtered page may have few rows or none
 * and still be followed by another: a long table is not read as a whole.
 */
export async function peersPage(
  source: StatusSource,
  wanted: PeersWanted,
): Promise<Result<PeersPage, string>> {
  const isFiltered = wanted.text !== undefined || wanted.state !== undefined;
  const atOnce = isFiltered ? READ_ROWS : wanted.limit;
  const peers: PeerView[] = [];
  let { after } = wanted;
  for (let read = 0; read < READ_ROWS_MAX; read += atOnce) {
    const rows = await source.rows(wanted.egroup, after, atOnce);
    if (!rows.ok) return rows;
    const snapshot = source.snapshot();
    const views = await inTurns(rows.value, VIEWS_PER_TURN, (row): PeerView => {
      const state = stateOf(row, snapshot);
      return { row, state, isSeen: state === "connected" || source.isSeen(row.peerid) };
    });
    for (const view of views) {
      if (!matches(view, wanted)) continue;
      peers.push(view);
      if (peers.length === wanted.limit) return ok({ peers, next: view.row.peerid });
    }
    const last = rows.value.at(-1)?.peerid;
    if (rows.value.length < atOnce || last === after) return ok({ peers, next: undefined });
    after = last;
  }
  return ok({ peers, next: after });
}

const VIEWS_PER_TURN = 200;

function stateOf(row: PeerListing, snapshot: Snapshot): PeerState {
  const views = snapshot.site(row.peerid);
  if (views.some(({ childSas }) => childSas.length > 0)) return "connected";
  if (views.length > 0) return "negotiating";
  if (snapshot.isCalling(row.peerid)) return "calling";
  return row.isDisabled ? "disabled" : "not connected";
}

function matches({ row, state, isSeen }: PeerView, wanted: PeersWanted): boolean {
  if (wanted.state === "never seen") {
    if (state !== "not connected" || isSeen) return false;
  } else if (wanted.state !== undefined && state !== wanted.state) return false;
  const needle = wanted.text?.toLowerCase();
  if (needle === undefined) return true;
  const texts = [row.peerid, row.remip, row.peerip, row.bakpeerip];
  return texts.some((text) => text?.toLowerCase().includes(needle));
}
