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
import type { Engine } from "../engine.ts";
import { isAtRest } from "../resting.ts";
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

/** It is back; `eroute` is the name of its eroute. */
export function wakeEntry(
  { negotiation }: Engine,
  spi: IkeSpi,
  {
    ikeSa: { sa, initKey },
    peerId,
    eroute,
  }: { readonly ikeSa: RestingIkeSa; readonly peerId: PeerId; readonly eroute: string },
): Stand {
  negotiation.sas.set(spi, { sa, peerId, eroute, isProven: true, initKey, guess: undefined });
  return standOf(sa);
}
