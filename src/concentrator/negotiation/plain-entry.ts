/** Codec of an IKE SA with what the concentrator knows of it beyond IKE. */

import type { KeyExchangeRequest } from "../../crypto/key-exchange.ts";
import { asPeerId, type PeerId } from "../../eroute/peer-id.ts";
import { pathOf, stageOf } from "../../ike/ike-sa.ts";
import { gateway, ikeSpi, instant, ticket } from "../../ike/state/values.ts";
import { type LastingIkeSa, lastingIkeSa, lastingOf } from "../../ike/state/written-ike-sa.ts";
import type { Ticket } from "../../ike/ticket.ts";
import {
  bool,
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
import type { IkeSpi } from "../../wire/header.ts";
import type { Engine } from "../engine.ts";
import type { ErouteInUse } from "../sites/eroute-in-use.ts";
import type { Entry } from "./entry.ts";
import { rememberPlace } from "./guesses.ts";
import { addEntry } from "./ike-sas.ts";
import { rememberPrefix } from "./known-prefixes.ts";
import { setDeadline } from "./settle.ts";

/** A key exchange that is not answered: whoever reads it asks again. */
export type PlainWork = { readonly ticket: Ticket; readonly op: KeyExchangeRequest };

/** An IKE SA that outlives the process. */
export type PlainEntry = Pick<
  Entry,
  "initKey" | "supersedes" | "initialContact" | "redirect" | "movedAt"
> & {
  readonly sa: LastingIkeSa;
  readonly peerId: PeerId | undefined;
  /** The place of its eroute among those of the site; undefined: it has left it. */
  readonly eroute: number | undefined;
  readonly work: readonly PlainWork[];
};

const SAS_MAX = 65_535;
const TEXT_MAX = 65_535;

export const peerId: Codec<PeerId> = mapped(text(TEXT_MAX), {
  to: (value: PeerId) => value,
  from: asPeerId,
});

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
  supersedes: list(ikeSpi, SAS_MAX),
  initialContact: bool,
  redirect: optional(gateway),
  movedAt: optional(instant),
  peerId: optional(peerId),
  eroute: optional(u16),
  work: list(work, 255),
});

/** The IKE SA as plain data; undefined for a negotiation: its peer repeats what it has asked. */
export function plainEntryOf(
  entry: Entry,
  eroute: number | undefined,
  work: readonly PlainWork[],
): PlainEntry | undefined {
  const sa = lastingOf(entry.sa);
  if (sa === undefined) return undefined;
  const { initKey, supersedes, initialContact, redirect, movedAt, peerId } = entry;
  return { sa, initKey, supersedes, initialContact, redirect, movedAt, peerId, eroute, work };
}

/** Puts the IKE SA into the table, with all that follows from its phase. */
export function putEntry(
  engine: Engine,
  spi: IkeSpi,
  plain: PlainEntry,
  eroute: ErouteInUse | undefined,
): Entry {
  const { negotiation } = engine;
  const { sa, initKey, supersedes, initialContact, redirect, movedAt, peerId } = plain;
  const entry = addEntry(engine, sa);
  entry.eroute = eroute;
  entry.peerId = peerId;
  entry.supersedes = supersedes;
  entry.initialContact = initialContact;
  entry.redirect = redirect;
  entry.movedAt = movedAt;
  entry.initKey = initKey;
  if (initKey !== undefined) negotiation.initRequests.set(initKey, spi);
  if (stageOf(sa) === "over") negotiation.lingering.add(spi);
  setDeadline(engine, spi, sa);
  if (eroute === undefined) return entry;
  rememberPrefix(engine, pathOf(sa).remote.address);
  rememberPlace(engine, entry);
  return entry;
}
