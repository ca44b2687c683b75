/**
 * What each of many states has carried, and what all of them have since the first reading. Numbers
 * in flat arrays: as objects in a map, those of 100,000 sites take a quarter of a gibibyte, and the
 * map blocks for 10 ms whenever it grows.
 */

import type { Carried, StateCount } from "./state-count.ts";

/** In the direction of sites' packets as seen from here. */
export type CountTotals = {
  readonly octetsIn: number;
  readonly octetsOut: number;
  readonly packetsIn: number;
  readonly packetsOut: number;
};

/** A state that a reading does not find any more is forgotten; what it carried stays counted. */
export class StateCounts {
  readonly #parts: readonly Part[] = Array.from({ length: PARTS }, () => new Part());
  readonly #totals = { octetsIn: 0, octetsOut: 0, packetsIn: 0, packetsOut: 0 };
  /** Places of ours: states there are inbound. */
  #ours: ReadonlySet<number> = new Set();
  #round = 0;
  /** The last reading that came to its end; what was not found since then has gone. */
  #whole = 0;

  get totals(): CountTotals {
    return { ...this.#totals };
  }

  /** A reading begins; `ours` are the places of our own addresses. */
  begin(ours: ReadonlySet<number>): void {
    this.#ours = ours;
    this.#round++;
  }

  /** A state that the reading has found. */
  note({ place, spi, octets, packets }: StateCount): void {
    const part = this.#partOf(spi);
    const at = part.take(place, spi, this.#whole);
    const isKnown = part.isKnown(at, this.#whole);
    const before = isKnown ? part.carried(at) : NOTHING;
    // Fewer than before: it is another state of the same name.
    const more = octets < before.octets ? octets : octets - before.octets;
    const morePackets = octets < before.octets ? packets : packets - before.packets;
    // Whatever the first reading finds was carried before.
    if (this.#whole > 0) this.#add(place, more, morePackets);
    part.put(at, this.#round, { octets, packets });
  }

  /** The reading has come to its end: it has found all that there are. */
  end(): void {
    this.#whole = this.#round;
  }

  /** What a state had carried when it was found last. */
  of(place: number, spi: number): Carried | undefined {
    const part = this.#partOf(spi);
    const at = part.find(place, spi);
    return part.isKnown(at, this.#whole) ? part.carried(at) : undefined;
  }

  #add(place: number, octets: number, packets: number): void {
    const isInbound = this.#ours.has(place);
    this.#totals[isInbound ? "octetsIn" : "octetsOut"] += octets;
    this.#totals[isInbound ? "packetsIn" : "packetsOut"] += packets;
  }

  #partOf(spi: number): Part {
    return this.#parts[spi % PARTS] as Part;
  }
}

const NOTHING: Carried = { octets: 0, packets: 0 };
/** So many that renewing one takes a fraction of a millisecond; a prime, for SPIs in sequence. */
const PARTS = 127;
const SMALLEST = 16;

/** A table with open addressing, at most half full. Round 0: the place is free. */
class Part {
  #length = SMALLEST;
  #spis = new Uint32Array(SMALLEST);
  #places = new Uint32Array(SMALLEST);
  #rounds = new Uint32Array(SMALLEST);
  #octets = new Float64Array(SMALLEST);
  #packets = new Float64Array(SMALLEST);
  #taken = 0;

  isKnown(at: number, whole: number): boolean {
    return (this.#rounds[at] ?? 0) >= Math.max(1, whole);
  }

  carried(at: number): Carried {
    return { octets: this.#octets[at] ?? 0, packets: this.#packets[at] ?? 0 };
  }

  put(at: number, round: number, { octets, packets }: Carried): void {
    this.#rounds[at] = round;
    this.#octets[at] = octets;
    this.#packets[at] = packets;
  }

  /** Where this state is, or a free place. */
  find(place: number, spi: number): number {
    const mask = this.#length - 1;
    let at = (Math.imul(spi ^ place, ODD) >>> SHIFT) & mask;
    while (this.#rounds[at] !== 0 && (this.#spis[at] !== spi || this.#places[at] !== place)) {
      at = (at + 1) & mask;
    }
    return at;
  }

  /** Where this state is; a free place becomes its own. The caller has to `put` there. */
  take(place: number, spi: number, whole: number): number {
    const found = this.find(place, spi);
    if (this.#rounds[found] !== 0) return found;
    if (2 * (this.#taken + 1) > this.#length) this.#renew(whole);
    const at = this.find(place, spi);
    this.#taken++;
    this.#spis[at] = spi;
    this.#places[at] = place;
    return at;
  }

  /** Leaves out what has gone, and makes room for as many again. */
  #renew(whole: number): void {
    const before = { spis: this.#spis, places: this.#places, rounds: this.#rounds };
    const [octets, packets] = [this.#octets, this.#packets];
    const kept = [...before.rounds.keys()].filter((at) => this.isKnown(at, whole));
    while (this.#length > SMALLEST && this.#length >= 8 * (kept.length + 1)) this.#length /= 2;
    while (this.#length < 4 * (kept.length + 1)) this.#length *= 2;
    this.#spis = new Uint32Array(this.#length);
    this.#places = new Uint32Array(this.#length);
    this.#rounds = new Uint32Array(this.#length);
    this.#octets = new Float64Array(this.#length);
    this.#packets = new Float64Array(this.#length);
    this.#taken = kept.length;
    for (const old of kept) {
      const [spi = 0, place = 0] = [before.spis[old], before.places[old]];
      const at = this.find(place, spi);
      this.#spis[at] = spi;
      this.#places[at] = place;
      this.put(at, before.rounds[old] ?? 0, {
        octets: octets[old] ?? 0,
        packets: packets[old] ?? 0,
      });
    }
  }
}

/** The golden ratio's part of 2^32; the upper bits of a product are the mixed ones. */
const ODD = 0x9e37_79b1;
const SHIFT = 12;
