/** IKE SAs of sites at rest: what of them is written, and how they come back into the table. */

import type { PeerId } from "../../eroute/peer-id.ts";
import {
  type LastingIkeSa,
  lastingIkeSa,
  quietOf,
  wipeWritten,
} from "../../ike/state/written-ike-sa.ts";
import { type Codec, optional, record, text } from "../../octets/codec.ts";
import type { Place } from "../../octets/octet-store.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { changedIkeSa } from "../changes.ts";
import type { Engine } from "../engine.ts";
import { isAtRest, keysAt } from "../resting.ts";
import type { Entry } from "./entry.ts";
import { type Stand, standOf } from "./stand.ts";

/** What is written of it; its peer ID is that of its site. */
export type RestingIkeSa = { readonly sa: LastingIkeSa; readonly initKey: string | undefined };

export const restingIkeSa: Codec<RestingIkeSa> = record<RestingIkeSa>({
  sa: lastingIkeSa,
  initKey: optional(text(255)),
});

/** The IKE SA as it is written; undefined: it has to stay awake. */
export function entryToRest(
  { negotiation }: Engine,
  spi: IkeSpi,
  peerId: PeerId,
): RestingIkeSa | undefined {
  const entry = negotiation.sas.get(spi);
  if (entry === undefined || isAtRest(entry)) return undefined;
  const { initKey, isProven, guess } = entry;
  const sa = quietOf(entry.sa);
  if (sa === undefined || !isProven || guess !== undefined) return undefined;
  return entry.peerId === peerId ? { sa, initKey } : undefined;
}

/** What was written is all that is left of its secrets. */
export function restEntry({ negotiation }: Engine, spi: IkeSpi, place: Place): void {
  const entry = negotiation.sas.get(spi);
  if (entry !== undefined && !isAtRest(entry)) wipeWritten(entry.sa);
  negotiation.sas.set(spi, place);
}

/** The IKE SA as the table keeps it; `eroute` is the name of its eroute. */
export function wokenEntry(
  { sa, initKey }: RestingIkeSa,
  { peerId, eroute }: { readonly peerId: PeerId; readonly eroute: string },
): Entry {
  return { sa, peerId, eroute, isProven: true, initKey, guess: undefined };
}

/** It is back. */
export function wakeEntry({ negotiation }: Engine, spi: IkeSpi, entry: Entry): Stand {
  negotiation.sas.set(spi, entry);
  return standOf(entry.sa);
}

/** Whether the table has this IKE SA at a place. */
export function isEntryAt({ negotiation }: Engine, spi: IkeSpi, place: Place): boolean {
  return negotiation.sas.get(spi) === place;
}

/** The IKE SA at a place that cannot be read: nothing is known of it any more. */
export function forgetEntry(engine: Engine, place: Place, known?: IkeSpi): void {
  const { sas, deadlines } = engine.negotiation;
  for (const spi of known === undefined ? keysAt(sas, place) : [known]) {
    sas.delete(spi);
    deadlines.set(spi, undefined);
    changedIkeSa(engine, spi);
  }
}
