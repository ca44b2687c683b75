/**
 * The rows of an egroup's table as the API answers them: not their keys, only whether they exist.
 */

import { formatPrefix } from "../../inet/prefix.ts";
import { type PeerView, peersPage, peersWanted } from "../lists/peers.ts";
import type { StatusSource } from "../source.ts";
import { found, refuse } from "./answer.ts";
import type { Handler } from "./operations.ts";

/** A page of rows; 503 if the database does not answer. */
export function peers(source: StatusSource): Handler<"peers"> {
  return async ({ values }) => {
    const wanted = peersWanted(values, source.facts.egroups);
    if (!wanted.ok) return refuse(400, wanted.error);
    const page = await peersPage(source, wanted.value);
    if (!page.ok) return refuse(503, page.error);
    const { next } = page.value;
    const rows = page.value.peers.map(peerJson);
    return found({ egroup: wanted.value.egroup, next: next ?? null, peers: rows });
  };
}

function peerJson({ row, state, isSeen }: PeerView) {
  return {
    peer_id: row.peerid,
    state,
    seen: isSeen,
    has_password: row.hasPassword,
    has_ppk: row.hasPpk,
    remip: row.remip,
    remmsk: row.remmsk,
    peerip: row.peerip,
    bakpeerip: row.bakpeerip,
    ourid: row.ourid,
    disabled: row.isDisabled,
    overlaps: row.overlaps.map(({ peerId, kind, own, other, rule, isConnected }) => ({
      peer_id: peerId,
      kind,
      rule,
      connected: isConnected,
      subnet: formatPrefix(own),
      other_subnet: formatPrefix(other),
    })),
  };
}
