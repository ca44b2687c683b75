/** The table of rows that are being read again, and what is kept of a row for the comparison. */

import { prf, prfFor } from "../../crypto/prf.ts";
import { PrfId } from "../../crypto/transform.ts";
import type { DynamicEroute } from "../../eroute/dynamic-eroute.ts";
import { peerKey } from "../../eroute/peer-id.ts";
import { formatPrefix } from "../../inet/prefix.ts";
import { assert } from "../../octets/assert.ts";
import { toHex } from "../../octets/hex.ts";
import type { Instant } from "../../octets/instant.ts";
import type { LookupId } from "../event.ts";

/** Which rows are to be read, by egroup: a database that is down holds up its own sites only. */
export type RowChecks = {
  /** Known to this run only, so that the hash of a key says nothing to others. */
  readonly printKey: Uint8Array;
  readonly egroups: Map<string, EgroupChecks>;
  /**
   * Changes reported while negotiations were under way: those that read the row before read it
   * again.
   */
  readonly changed: Map<string, { readonly number: number; readonly until: Instant }>;
};

export type EgroupChecks = {
  /** Keys of eroutes in use: each once, so that there are never more than those. */
  readonly waiting: Set<string>;
  /** Until when each of their look-ups is waited for: an answer that comes later counts as none. */
  readonly reading: Map<LookupId, Instant>;
  /** Failures in a row. */
  failures: number;
  /** After a failure: no row is read before this instant. */
  notBefore: Instant;
};

/** Nothing is read, and nothing compared yet. */
export function createRowChecks(random: (octets: number) => Uint8Array): RowChecks {
  return { printKey: random(32), egroups: new Map(), changed: new Map() };
}

/** What is kept of a row for comparing: keyed hashes, so that nothing secret is kept. */
export type RowPrint = {
  /** Of all but the PPK, the site's own address and times: those do not concern SAs that are up. */
  readonly all: string;
  readonly ppk: string | undefined;
};

/** What a row says, as far as SAs are made from it. */
export function rowPrint({ printKey }: RowChecks, made: DynamicEroute): RowPrint {
  const { peerId, ourid, psk, ppk, localSubnets, remoteSubnets, own } = made;
  const open = [
    peerKey(peerId),
    ourid ?? null,
    localSubnets.map(formatPrefix).sort(),
    remoteSubnets.map(formatPrefix).sort(),
    own.ifId ?? null,
    psk === undefined,
  ];
  return {
    all: hashOf(printKey, open, psk),
    ppk: ppk === undefined ? undefined : hashOf(printKey, ["ppk", toHex(ppk.id)], ppk.key),
  };
}

const utf8 = new TextEncoder();

function hashOf(key: Uint8Array, open: readonly unknown[], secret: Uint8Array | undefined): string {
  const hash = prfFor(PrfId.HMAC_SHA2_256);
  assert(hash !== undefined, "HMAC-SHA2-256 is built in");
  const octets = utf8.encode(`${JSON.stringify(open)}\u0000`);
  return toHex(prf(hash, key, octets, secret ?? new Uint8Array(0)));
}
