/** Runs of octets of any length: short ones in a store with others, long ones by themselves. */

import { assert } from "./assert.ts";
import { OctetStore, type Place } from "./octet-store.ts";

/** Where a run is: only the object that gave it knows what it means. */
export type RunPlace = Place | Long;

type Long = number & { readonly is: "number of a long run" };

export class OctetRuns {
  readonly #short = new OctetStore();
  /** By number, which is below 0. */
  readonly #long = new Map<number, Uint8Array>();
  #lastLong = 0;

  /** How many runs it holds. */
  get size(): number {
    return this.#short.size + this.#long.size;
  }

  /** Keeps a copy, of the first `length` octets. */
  put(octets: Uint8Array, length = octets.length): RunPlace {
    const place = this.#short.put(octets, length);
    if (place !== undefined) return place;
    const long = --this.#lastLong as Long;
    this.#long.set(long, octets.slice(0, length));
    return long;
  }

  /** A view of what is there, good until the next call of another function. */
  view(place: RunPlace): Uint8Array {
    if (!isLong(place)) return this.#short.view(place);
    const octets = this.#long.get(place);
    assert(octets !== undefined, "there is a run at this place");
    return octets;
  }

  free(place: RunPlace): void {
    if (isLong(place)) this.#long.delete(place);
    else this.#short.free(place);
  }
}

function isLong(place: RunPlace): place is Long {
  return place < 0;
}
