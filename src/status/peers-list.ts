/** Rows of an egroup's table, with whether their sites are connected: never with their keys. */

import type { Context } from "hono";
import { err, ok, type Result } from "../octets/result.ts";
import { problem } from "./problem.ts";
import { LIMIT_DEFAULT, LIMIT_MAX, textOf, wholeNumber } from "./query.ts";
import type { PeerListing, StatusSource } from "./source.ts";

export type PeersWanted = {
  readonly egroup: string;
  /** The last peer ID of the page before. */
  readonly after: string | undefined;
  readonly limit: number;
};

export type PeerView = {
  readonly row: PeerListing;
  readonly state: "connected" | "negotiating" | "calling" | "not connected" | "disabled";
};

export type PeersPage = {
  readonly peers: readonly PeerView[];
  /** Where the next page begins; undefined after the last row. */
  readonly next: string | undefined;
};

/** What a request wants; the error says what is wrong with it. */
export function peersWantedOf(c: Context, source: StatusSource): Result<PeersWanted, string> {
  const limit = wholeNumber(c, "limit", { least: 1, most: LIMIT_MAX, otherwise: LIMIT_DEFAULT });
  if (!limit.ok) return limit;
  const after = textOf(c, "after_peer");
  if (!after.ok) return after;
  const { egroups } = source.facts;
  const given = textOf(c, "egroup");
  if (!given.ok) return given;
  const egroup = given.value ?? egroups[0];
  if (egroup === undefined) return err("egroup: none is configured");
  if (!egroups.includes(egroup)) return err(`egroup has to be one of ${egroups.join(", ")}`);
  return ok({ egroup, after: after.value, limit: limit.value });
}

/** A page of rows, read now; the error is the database's. */
export async function peersPage(
  source: StatusSource,
  { egroup, after, limit }: PeersWanted,
): Promise<Result<PeersPage, string>> {
  const rows = await source.rows(egroup, after, limit);
  if (!rows.ok) return rows;
  const snapshot = source.snapshot();
  const peers = rows.value.map((row): PeerView => {
    const views = snapshot.site(row.peerid);
    const isUp = views.some(({ childSas }) => childSas.length > 0);
    if (isUp) return { row, state: "connected" };
    if (views.length > 0) return { row, state: "negotiating" };
    if (snapshot.isCalling(row.peerid)) return { row, state: "calling" };
    return { row, state: row.isDisabled ? "disabled" : "not connected" };
  });
  const last = rows.value.at(-1)?.peerid;
  const isFull = rows.value.length === limit && last !== after;
  return ok({ peers, next: isFull ? last : undefined });
}

/** `GET /api/v1/peers`. */
export async function peersRoute(c: Context, source: StatusSource): Promise<Response> {
  const wanted = peersWantedOf(c, source);
  if (!wanted.ok) return problem(c, 400, wanted.error);
  const page = await peersPage(source, wanted.value);
  if (!page.ok) return problem(c, 503, page.error);
  return c.json({
    egroup: wanted.value.egroup,
    next: page.value.next ?? null,
    peers: page.value.peers.map(({ row, state }) => ({
      peer_id: row.peerid,
      state,
      has_password: row.hasPassword,
      remip: row.remip,
      remmsk: row.remmsk,
      peerip: row.peerip,
      bakpeerip: row.bakpeerip,
      ourid: row.ourid,
      disabled: row.isDisabled,
    })),
  });
}
