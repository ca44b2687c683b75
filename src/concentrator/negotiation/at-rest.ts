/** IKE SAs of sites at rest: what of them is written, and how they come back into the table. */

import { quietOf, wipeWritten } from "../../ike/state/written-ike-sa.ts";
import type { Place } from "../../octets/octet-store.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { Engine } from "../engine.ts";
import { isAtRest } from "../resting.ts";
import type { PlainEntry } from "./plain-entry.ts";
import { type Stand, standOf } from "./stand.ts";

/** The IKE SA as it is written; undefined: it has to stay awake. */
export function entryToRest({ negotiation }: Engine, spi: IkeSpi): PlainEntry | undefined {
  const entry = negotiation.sas.get(spi);
  if (entry === undefined || isAtRest(entry)) return undefined;
  const { peerId, initKey, isProven, guess } = entry;
  const sa = quietOf(entry.sa);
  if (sa === undefined || !isProven || guess !== undefined) return undefined;
  return { sa, initKey, peerId, work: [] };
}

/** What was written is all that is left of its secrets. */
export function restEntry({ negotiation }: Engine, spi: IkeSpi, place: Place): void {
  const entry = negotiation.sas.get(spi);
  if (entry !== undefined && !isAtRest(entry)) wipeWritten(entry.sa);
  negotiation.sas.set(spi, place);
}

/** It is back; `eroute` is the name of its eroute. */
export function wakeEntry(
  { negotiation }: Engine,
  spi: IkeSpi,
  { plain, eroute }: { readonly plain: PlainEntry; readonly eroute: string },
): Stand {
  const { sa, initKey, peerId } = plain;
  negotiation.sas.set(spi, { sa, peerId, eroute, isProven: true, initKey, guess: undefined });
  return standOf(sa);
}
