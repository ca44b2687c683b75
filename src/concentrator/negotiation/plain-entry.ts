/** Codec of an IKE SA with what the negotiation keeps about it. */

import type { PeerId } from "../../eroute/peer-id.ts";
import { pathOf, spiOf, stageOf } from "../../ike/ike-sa.ts";
import { type LastingIkeSa, lastingIkeSa, lastingOf } from "../../ike/state/written-ike-sa.ts";
import { type Codec, list, optional, record, text } from "../../octets/codec.ts";
import type { Engine } from "../engine.ts";
import { peerId } from "../plain-peer-id.ts";
import type { Entry } from "./entry.ts";
import { rememberPlace } from "./guesses.ts";
import { addEntry } from "./ike-sas.ts";
import { rememberPrefix } from "./known-prefixes.ts";
import { canAskAgain, type PlainWork, plainWork } from "./plain-work.ts";
import { setDeadline } from "./settle.ts";

/** An IKE SA that is handed over, as the negotiation knows it. */
export type PlainEntry = Pick<Entry, "initKey"> & {
  readonly sa: LastingIkeSa;
  readonly peerId: PeerId | undefined;
  readonly work: readonly PlainWork[];
};

export const plainEntry: Codec<PlainEntry> = record<PlainEntry>({
  sa: lastingIkeSa,
  initKey: optional(text(255)),
  peerId: optional(peerId),
  work: list(plainWork, 255),
});

/** The IKE SA as plain data; undefined before it is established: its peer repeats its request. */
export function plainEntryOf(entry: Entry, work: readonly PlainWork[]): PlainEntry | undefined {
  const sa = lastingOf(entry.sa);
  if (sa === undefined) return undefined;
  const { initKey, peerId } = entry;
  // The IKE SA may no longer wait for the thread's answer.
  const awaited = work.filter((one) => canAskAgain(sa, one));
  return { sa, initKey, peerId, work: awaited };
}

/** Puts the IKE SA into the table, with what follows from its phase; `eroute`: its name. */
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
