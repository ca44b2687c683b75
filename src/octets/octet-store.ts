/**
 * Short runs of octets in few large arrays. An object of its own for each would take more memory
 * than the octets, and keep the collector busy. What is taken out is wiped: it may be secret.
 */

import { assert } from "./assert.ts";

/** Where octets are kept: only the store that gave it knows what it means. */
export type Place = number & { readonly is: "place in an octet store" };

/** Octets of a slot: runs of nearly the same length share their chunks. */
const STEP = 32;
const CHUNK_OCTETS = 65_536;
const SLOTS_MAX = CHUNK_OCTETS / STEP;
const RUN_OCTETS_MAX = 8_192;

/** Slots of one length. */
type Chunk = {
  readonly octets: Uint8Array;
  readonly slotOctets: number;
  /** By slot. */
  readonly lengths: Uint16Array;
  /** Free slots; those before `free` count. */
  readonly slots: Uint16Array;
  free: number;
};

/** Each chunk is given back as soon as nothing is left in it. */
export class OctetStore {
  readonly #chunks: (Chunk | undefined)[] = [];
  /** Indices of chunks that were given back. */
  readonly #unused: number[] = [];
  /** Chunks with a free slot, by the length of their slots in steps. */
  readonly #withRoom = new Map<number, Set<number>>();
  #size = 0;

  /** How many runs it holds. */
  get size(): number {
    return this.#size;
  }

  /** Memory for all of them, in octets. */
  get octets(): number {
    return (this.#chunks.length - this.#unused.length) * CHUNK_OCTETS;
  }

  /** Keeps a copy, of the first `length` octets; undefined: it is too long. */
  put(octets: Uint8Array, length = octets.length): Place | undefined {
    if (length > RUN_OCTETS_MAX) return undefined;
    const steps = Math.max(1, Math.ceil(length / STEP));
    const index = this.#chunkFor(steps);
    const chunk = this.#chunkAt(index);
    const slot = chunk.slots[--chunk.free] ?? 0;
    if (chunk.free === 0) this.#withRoom.get(steps)?.delete(index);
    copyInto(chunk.octets, slot * chunk.slotOctets, octets, length);
    chunk.lengths[slot] = length;
    this.#size++;
    return (index * SLOTS_MAX + slot) as Place;
  }

  /** A view of what is there, good until the next call of another function. */
  view(place: Place): Uint8Array {
    const { chunk, slot } = this.#find(place);
    const at = slot * chunk.slotOctets;
    return chunk.octets.subarray(at, at + (chunk.lengths[slot] ?? 0));
  }

  /** Wipes what is there; the place is free. */
  free(place: Place): void {
    const { chunk, slot, index } = this.#find(place);
    const at = slot * chunk.slotOctets;
    chunk.octets.fill(0, at, at + (chunk.lengths[slot] ?? 0));
    chunk.slots[chunk.free++] = slot;
    this.#size--;
    const steps = chunk.slotOctets / STEP;
    if (chunk.free < chunk.slots.length) this.#roomOf(steps).add(index);
    else {
      this.#withRoom.get(steps)?.delete(index);
      this.#chunks[index] = undefined;
      this.#unused.push(index);
    }
  }

  #find(place: Place): { readonly chunk: Chunk; readonly slot: number; readonly index: number } {
    const index = Math.floor(place / SLOTS_MAX);
    return { chunk: this.#chunkAt(index), slot: place % SLOTS_MAX, index };
  }

  #chunkAt(index: number): Chunk {
    const chunk = this.#chunks[index];
    assert(chunk !== undefined, "there is a chunk at this place");
    return chunk;
  }

  #roomOf(steps: number): Set<number> {
    let known = this.#withRoom.get(steps);
    if (known === undefined) {
      known = new Set();
      this.#withRoom.set(steps, known);
    }
    return known;
  }

  #chunkFor(steps: number): number {
    const known = this.#roomOf(steps);
    for (const index of known) return index;
    const index = this.#unused.pop() ?? this.#chunks.length;
    this.#chunks[index] = chunkOf(steps * STEP);
    known.add(index);
    return index;
  }
}

/** A copy of so few octets takes no longer than a view of them, which is an object besides. */
const FEW_OCTETS = 128;

function copyInto(to: Uint8Array, at: number, octets: Uint8Array, length: number): void {
  if (length === octets.length) to.set(octets, at);
  else if (length > FEW_OCTETS) to.set(octets.subarray(0, length), at);
  else for (let i = 0; i < length; i++) to[at + i] = octets[i] ?? 0;
}

function chunkOf(slotOctets: number): Chunk {
  const count = Math.floor(CHUNK_OCTETS / slotOctets);
  return {
    octets: new Uint8Array(CHUNK_OCTETS),
    slotOctets,
    lengths: new Uint16Array(count),
    slots: Uint16Array.from({ length: count }, (_, at) => count - 1 - at),
    free: count,
  };
}
