/** Codec of an IKE SA with what the negotiation keeps beside it. */

import type { KeyExchangeRequest } from "../../crypto/key-exchange.ts";
import type { PeerId } from "../../eroute/peer-id.ts";
import { pathOf, spiOf, stageOf } from "../../ike/ike-sa.ts";
import { ticket } from "../../ike/state/values.ts";
import { type LastingIkeSa, lastingIkeSa, lastingOf } from "../../ike/state/written-ike-sa.ts";
import type { Ticket } from "../../ike/ticket.ts";
import {
  type Codec,
  list,
  mapped,
  octets,
  oneOf,
  optional,
  record,
  text,
  u16,
} from "../../octets/codec.ts";
import type { Engine } from "../engine.ts";
import { peerId } from "../plain-peer-id.ts";
import type { Entry } from "./entry.ts";
import { rememberPlace } from "./guesses.ts";
import { addEntry } from "./ike-sas.ts";
import { rememberPrefix } from "./known-prefixes.ts";
import { setDeadline } from "./settle.ts";

/** A key exchange that is not answered: whoever reads it asks again. */
export type PlainWork = { readonly ticket: Ticket; readonly op: KeyExchangeRequest };

/** An IKE SA that outlives the process, as the negotiation knows it. */
export type PlainEntry = Pick<Entry, "initKey"> & {
  readonly sa: LastingIkeSa;
  readonly peerId: PeerId | undefined;
  readonly work: readonly PlainWork[];
};

const TEXT_MAX = 65_535;

type WrittenOp = {
  readonly op: KeyExchangeRequest["op"];
  readonly method: number;
  readonly random: Uint8Array;
  readonly peerPublic: Uint8Array | undefined;
};

const op: Codec<KeyExchangeRequest> = mapped(
  record<WrittenOp>({
    op: oneOf(["offer", "respond", "derive"]),
    method: u16,
    random: octets(TEXT_MAX),
    peerPublic: optional(octets(TEXT_MAX)),
  }),
  {
    to: (request: KeyExchangeRequest): WrittenOp =>
      request.op === "offer" ? { ...request, peerPublic: undefined } : request,
    from({ op, method, random, peerPublic }, fail) {
      if (op === "offer") return { op, method, random };
      return peerPublic === undefined
        ? fail("no public value")
        : { op, method, random, peerPublic };
    },
  },
);

const work = record<PlainWork>({ ticket, op });

export const plainEntry: Codec<PlainEntry> = record<PlainEntry>({
  sa: lastingIkeSa,
  initKey: optional(text(255)),
  peerId: optional(peerId),
  work: list(work, 255),
});

/** The IKE SA as plain data; undefined for a negotiation: its peer repeats what it has asked. */
export function plainEntryOf(entry: Entry, work: readonly PlainWork[]): PlainEntry | undefined {
  const sa = lastingOf(entry.sa);
  if (sa === undefined) return undefined;
  const { initKey, peerId } = entry;
  return { sa, initKey, peerId, work };
}

/** Puts the IKE SA into the table, with all that follows from its phase; `eroute`: its name. */
export function putEntry(engine: Engine, plain: PlainEntry, eroute: string | undefined): Entry {
  const { negotiation } = engine;
  const { sa, initKey, peerId } = plain;
  const spi = spiOf(sa);
  const entry = addEntry(engine, sa);
  entry.eroute = eroute;
  entry.isProven = eroute !== undefined;
  entry.peerId = peerId;
  entry.initKey = initKey;
  if (initKey !== undefined) negotiation.initRequests.set(initKey, spi);
  if (stageOf(sa) === "over") negotiation.lingering.add(spi);
  setDeadline(engine, spi, sa);
  if (!entry.isProven) return entry;
  rememberPrefix(engine, pathOf(sa).remote.address);
  rememberPlace(engine, entry);
  return entry;
}
