/** The table of IKE SAs, as others may use it. */

import type { IkeSaFacts } from "../../ike/facts.ts";
import { factsOf, type IkeSa, spiOf } from "../../ike/ike-sa.ts";
import { type IkeSpi, parseHeader } from "../../wire/header.ts";
import type { Engine } from "../engine.ts";
import type { Entry } from "./entry.ts";

/** Puts a new IKE SA into the table. */
export function addEntry({ negotiation }: Engine, sa: IkeSa): Entry {
  const entry: Entry = {
    sa,
    peerId: undefined,
    candidate: undefined,
    eroute: undefined,
    initKey: undefined,
    supersedes: [],
    initialContact: false,
    call: undefined,
    redirect: undefined,
    movedAt: undefined,
    guess: undefined,
  };
  negotiation.sas.set(spiOf(sa), entry);
  return entry;
}

/** The one with this local SPI. */
export function entryAt({ negotiation }: Engine, spi: IkeSpi): Entry | undefined {
  return negotiation.sas.get(spi);
}

/** The facts of an IKE SA that is authenticated and not deleted, by its local SPI. */
export function factsAt({ negotiation }: Engine, spi: IkeSpi): IkeSaFacts | undefined {
  const entry = negotiation.sas.get(spi);
  return entry === undefined ? undefined : factsOf(entry.sa);
}

/** All of them, in the order in which they came. */
export function ikeSas({ negotiation }: Engine): IterableIterator<[IkeSpi, Entry]> {
  return negotiation.sas.entries();
}

/** The one that a message belongs to, by its SPIs. */
export function entryOf({ negotiation }: Engine, message: Uint8Array): Entry | undefined {
  const header = parseHeader(message);
  if (!header.ok) return undefined;
  const { spiI, spiR } = header.value;
  return negotiation.sas.get(spiI) ?? negotiation.sas.get(spiR);
}

/** How many there are: that are up or being made, not authenticated, and over. */
export function ikeSaCounts({ negotiation }: Engine): {
  readonly all: number;
  readonly halfOpen: number;
  readonly halfOpenOctets: number;
  readonly lingering: number;
} {
  const { sas, halfOpen, lingering } = negotiation;
  const { places, octets } = halfOpen;
  return {
    all: sas.size,
    halfOpen: places.size,
    halfOpenOctets: octets,
    lingering: lingering.size,
  };
}

/** Whether every IKE SA is over. */
export function areAllOver({ negotiation }: Engine): boolean {
  return negotiation.sas.size === negotiation.lingering.size;
}
