/** Codec of an IKE SA with everything that the negotiation and the sites know about it. */

import { spiOf } from "../../ike/ike-sa.ts";
import { type Codec, optional, record } from "../../octets/codec.ts";
import type { Engine } from "../engine.ts";
import { askForWork } from "../ike-effects.ts";
import type { Entry } from "../negotiation/entry.ts";
import { type PlainEntry, plainEntry, plainEntryOf, putEntry } from "../negotiation/plain-entry.ts";
import { type PlainWork, requestOf } from "../negotiation/plain-work.ts";
import { standOf } from "../negotiation/stand.ts";
import type { ErouteInUse } from "../sites/eroute-in-use.ts";
import {
  type PlainSiteIkeSa,
  plainSiteIkeSa,
  plainSiteIkeSaOf,
  putSiteIkeSa,
} from "../sites/plain-ike-sa.ts";

export type PlainIkeSa = {
  readonly entry: PlainEntry;
  /** Undefined while the peer has not sent its ID. */
  readonly site: PlainSiteIkeSa | undefined;
};

export const plainIkeSa: Codec<PlainIkeSa> = record<PlainIkeSa>({
  entry: plainEntry,
  site: optional(plainSiteIkeSa),
});

/** The IKE SA as plain data; undefined for a negotiation. */
export function plainIkeSaOf(
  engine: Engine,
  entry: Entry,
  {
    eroutes,
    work,
  }: {
    readonly eroutes: readonly ErouteInUse[];
    readonly work: readonly PlainWork[];
  },
): PlainIkeSa | undefined {
  const plain = plainEntryOf(entry, work);
  if (plain === undefined) return undefined;
  return { entry: plain, site: plainSiteIkeSaOf(engine, spiOf(entry.sa), eroutes) };
}

/** Puts it into the tables, and repeats the requests that it waits for. */
export function putIkeSa(
  engine: Engine,
  { entry: plain, site }: PlainIkeSa,
  eroute: ErouteInUse | undefined,
): void {
  const entry = putEntry(engine, plain, eroute?.name);
  const { peerId, sa } = entry;
  if (site !== undefined && peerId !== undefined) {
    putSiteIkeSa(engine, site, { spi: spiOf(sa), peerId, stand: standOf(sa), eroute });
  }
  for (const work of plain.work) {
    const op = requestOf(engine, plain.sa, work);
    if (op !== undefined)
      askForWork(engine, entry, { kind: "key-exchange", ticket: work.ticket, op });
  }
}
