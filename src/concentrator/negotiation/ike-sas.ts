/** The table of IKE SAs, as others may use it. */

import type { PeerId } from "../../eroute/peer-id.ts";
import { type IkeSa, pathOf, saIdOf, spiOf } from "../../ike/ike-sa.ts";
import { type IkeSpi, parseHeader } from "../../wire/header.ts";
import type { Engine } from "../engine.ts";
import type { About } from "../journal/about.ts";
import { awakeAt, isAtRest } from "../resting.ts";
import type { Entry } from "./entry.ts";

/** Puts a new IKE SA into the table. */
export function addEntry({ negotiation }: Engine, sa: IkeSa): Entry {
  const entry: Entry = {
    sa,
    peerId: undefined,
    eroute: undefined,
    isProven: false,
    initKey: undefined,
    guess: undefined,
  };
  negotiation.sas.set(spiOf(sa), entry);
  return entry;
}

/** The one with this local SPI. */
export function entryAt(engine: Engine, spi: IkeSpi): Entry | undefined {
  return awakeAt(engine, engine.negotiation.sas, spi);
}

/** The sites have found its eroute: the journal says which. */
export function nameEroute(engine: Engine, spi: IkeSpi, name: string): void {
  const entry = entryAt(engine, spi);
  if (entry !== undefined) entry.eroute = name;
}

/** The site is known by its address, before it has said who it is. */
export function namePeer(engine: Engine, spi: IkeSpi, peerId: PeerId): void {
  const entry = entryAt(engine, spi);
  if (entry !== undefined) entry.peerId = peerId;
}

/** It has ended, and left its eroute. */
export function unprove(entry: Entry): void {
  entry.eroute = undefined;
  entry.isProven = false;
}

/** What the journal says of one. */
export function aboutOf({ sa, peerId, eroute, isProven }: Entry): About {
  return { id: saIdOf(sa), path: pathOf(sa), peerId, eroute, isProven };
}

/** All of them, in the order in which they came. */
export function* ikeSas(engine: Engine): Generator<readonly [IkeSpi, Entry], undefined> {
  for (const spi of engine.negotiation.sas.keys()) {
    const entry = entryAt(engine, spi);
    if (entry !== undefined) yield [spi, entry];
  }
  return undefined;
}

/** Those that something happens to, or has happened to lately. */
export function ikeSasAwake({
  negotiation,
}: Engine): Generator<readonly [IkeSpi, Entry], undefined> {
  return negotiation.sas.where((held): held is Entry => !isAtRest(held));
}

/** The one that a message belongs to, by its SPIs. */
export function entryOf(engine: Engine, message: Uint8Array): Entry | undefined {
  const header = parseHeader(message);
  if (!header.ok) return undefined;
  const { spiI, spiR } = header.value;
  return entryAt(engine, spiI) ?? entryAt(engine, spiR);
}

/** How many there are in all, half-open, and over. */
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
