/** A model of an egroup's table: rows that change, answers that take time, and failures. */

import type { LookupResult } from "../../src/concentrator/event.ts";
import { peerKey } from "../../src/eroute/peer-id.ts";
import type { LookupFault, LookupKey, PeerRow } from "../../src/eroute/row.ts";
import { err, ok } from "../../src/octets/result.ts";

export type DatabaseModel = {
  /** Writes a row, in place of the one with the same ID. */
  put(row: PeerRow): void;
  remove(peerid: string): void;
  /** From now on every look-up fails like this; undefined repairs it. */
  fail(fault: LookupFault["kind"] | undefined): void;
  find(key: LookupKey): LookupResult;
};

/** An empty table. */
export function createDatabase(): DatabaseModel {
  const rows = new Map<string, PeerRow>();
  let failing: LookupFault["kind"] | undefined;
  return {
    put: (row) => {
      rows.set(peerKey(row.peerid), row);
    },
    remove: (peerid) => {
      rows.delete(peerKey(peerid));
    },
    fail: (fault) => {
      failing = fault;
    },
    find(key) {
      if (failing !== undefined) return err({ kind: failing, detail: "the model was told to" });
      if (key.by === "network") return ok([]);
      if (key.by === "address") {
        return ok([...rows.values()].filter(({ peerip }) => peerip === key.address).slice(0, 2));
      }
      if (key.by === "ppk") return ok([...rows.values()].filter((row) => row.ppk_id === key.id));
      if (key.by !== "peerid") return ok([]);
      const row = rows.get(peerKey(key.peerid));
      return ok(row === undefined ? [] : [row]);
    },
  };
}

/** A row with an ID, a key and a subnet, the rest NULL. */
export function rowOf(peerid: string, password: string | null, remip: string | null): PeerRow {
  return { peerid, password, remip, remmsk: null, peerip: null, bakpeerip: null, ourid: null };
}
