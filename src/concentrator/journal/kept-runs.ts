/**
 * Runs of octets by sequence, in one array that is written in a circle: most of them leave in the
 * order in which they came.
 */

/** Runs that are gone, before those that are there. */
const GONE_MAX = 256;
/** Room beside what is there, where the array is made anew. */
const SPARE = 1 / 2;
const STEP_OCTETS = 16_384;

export class KeptRuns {
  readonly #sequences: Float64Array;
  readonly #offsets: Uint32Array;
  readonly #lengths: Uint32Array;
  /** Runs before it are gone; there may be gaps in the sequences after it. */
  #first = 0;
  #end = 0;
  #octets = new Uint8Array(0);
  /** Of the runs that are there. */
  #live = 0;
  /** Where the last one ends. */
  #at = 0;

  /** Room for one run more than `max`. */
  constructor(max: number) {
    const size = max + 1 + GONE_MAX;
    this.#sequences = new Float64Array(size);
    this.#offsets = new Uint32Array(size);
    this.#lengths = new Uint32Array(size);
  }

  /** The index after the last run. */
  get end(): number {
    return this.#end;
  }

  get count(): number {
    return this.#end - this.#first;
  }

  /** Octets of the array. */
  get size(): number {
    return this.#octets.length;
  }

  /** A view, good until the next run is appended. */
  at(index: number): Uint8Array {
    const offset = this.#offsets[index] ?? 0;
    return this.#octets.subarray(offset, offset + (this.#lengths[index] ?? 0));
  }

  /** Keeps a copy. */
  append(sequence: number, run: Uint8Array): void {
    const offset = this.#roomFor(run.length);
    this.#octets.set(run, offset);
    this.#at = offset + run.length;
    this.#live += run.length;
    this.#sequences[this.#end] = sequence;
    this.#offsets[this.#end] = offset;
    this.#lengths[this.#end] = run.length;
    this.#end++;
  }

  /** Mostly the oldest goes. Moving all others each time would take longer than all the rest. */
  drop(index: number): void {
    this.#live -= this.#lengths[index] ?? 0;
    if (index > this.#first) this.#move(index + 1, index);
    else if (++this.#first >= GONE_MAX) {
      this.#move(this.#first, 0);
      this.#first = 0;
    }
  }

  /** The index of the first run with a sequence above `after`. */
  firstAfter(after: number): number {
    let low = this.#first;
    let high = this.#end;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sequences[middle] ?? 0) > after) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #move(from: number, to: number): void {
    this.#sequences.copyWithin(to, from, this.#end);
    this.#offsets.copyWithin(to, from, this.#end);
    this.#lengths.copyWithin(to, from, this.#end);
    this.#end -= from - to;
  }

  /** Behind the last run, or from the start of the array up to the first one. */
  #roomFor(length: number): number {
    const size = this.#octets.length;
    if (this.count === 0 && length <= size) return 0;
    const first = this.#offsets[this.#first] ?? 0;
    const isRound = this.count > 0 && this.#at <= first;
    const end = isRound ? first : size;
    if (this.#at + length <= end) return this.#at;
    if (!isRound && this.count > 0 && length <= first) return 0;
    return this.#renew(length);
  }

  /** One run after the other in another array: without the gaps of those that left before. */
  #renew(length: number): number {
    const size = (this.#live + length) * (1 + SPARE);
    const octets = new Uint8Array(Math.ceil(size / STEP_OCTETS) * STEP_OCTETS);
    let at = 0;
    for (let index = this.#first; index < this.#end; ) {
      // All that follow each other at once: a view of each would be released by itself.
      const from = this.#offsets[index] ?? 0;
      let to = from;
      for (; index < this.#end && this.#offsets[index] === to; index++) {
        this.#offsets[index] = at + to - from;
        to += this.#lengths[index] ?? 0;
      }
      octets.set(this.#octets.subarray(from, to), at);
      at += to - from;
    }
    this.#octets = octets;
    return at;
  }
}
