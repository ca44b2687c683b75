/** Histories of sites as octets: decoded only where somebody reads them or they change. */

import type { JournalRecord } from "../concentrator/journal/journal.ts";
import type { RecordCodec } from "../concentrator/journal/record-codec.ts";
import { assert } from "../octets/assert.ts";
import { OctetRuns, type RunPlace } from "../octets/octet-runs.ts";
import { RecencyMap } from "../octets/recency-map.ts";
import { ATTEMPT_OUTCOMES, type Attempt } from "./attempt.ts";

/** Before each record, the newest first: outcome, how often, since when, the record's length. */
const OUTCOME = 0;
const TIMES = 1;
const FIRST_WALL_MS = 5;
const LENGTH = 13;
const HEAD_OCTETS = 17;
const SCRATCH_OCTETS = 4_096;

/** A record, and what it is written as. */
type Written = { readonly record: JournalRecord; readonly octets: Uint8Array };

/** By site or address, at most `max`: what was put least recently is forgotten first. */
export class Histories {
  readonly #max: number;
  readonly #codec: RecordCodec;
  readonly #places = new RecencyMap<string, RunPlace>();
  readonly #runs = new OctetRuns();
  #scratch = new Uint8Array(SCRATCH_OCTETS);
  #head = new DataView(this.#scratch.buffer);
  /** What was read last: most of it is written again. */
  #read: readonly Written[] = [];

  constructor(max: number, codec: RecordCodec) {
    this.#max = max;
    this.#codec = codec;
  }

  get size(): number {
    return this.#places.size;
  }

  has(key: string): boolean {
    return this.#places.has(key);
  }

  /** A copy, the oldest attempt first; empty: there is no history. */
  get(key: string): Attempt[] {
    const place = this.#places.get(key);
    if (place === undefined) return [];
    const octets = this.#runs.view(place);
    const attempts: Attempt[] = [];
    const read: Written[] = [];
    for (let at = 0; at < octets.length; ) {
      const { attempt, record } = this.#attemptIn(octets.subarray(at));
      attempts.push(attempt);
      read.push({ record: attempt.record, octets: record });
      at += HEAD_OCTETS + record.length;
    }
    this.#read = read;
    return attempts.reverse();
  }

  /** What was put last comes first. */
  keys(): readonly string[] {
    return this.#places.newest();
  }

  /** The last attempt, if its outcome is wanted. */
  lastOf(key: string, isWanted = (_: Attempt["outcome"]) => true): Attempt | undefined {
    const place = this.#places.get(key);
    if (place === undefined) return undefined;
    const octets = this.#runs.view(place);
    return isWanted(outcomeOf(octets)) ? this.#attemptIn(octets).attempt : undefined;
  }

  /** `history` has one attempt at least. */
  put(key: string, history: readonly Attempt[]): void {
    let end = 0;
    for (const attempt of history.toReversed()) end = this.#write(attempt, end);
    const before = this.#places.get(key);
    if (before !== undefined) this.#runs.free(before);
    this.#read = [];
    this.#places.set(key, this.#runs.put(this.#scratch.subarray(0, end)));
    if (this.#places.size <= this.#max) return;
    const oldest = this.#places.oldest();
    this.#places.deleteOldest();
    if (oldest !== undefined) this.#runs.free(oldest);
  }

  delete(key: string): void {
    const place = this.#places.get(key);
    if (place === undefined) return;
    this.#places.delete(key);
    this.#runs.free(place);
    this.#read = [];
  }

  /** The first attempt in these octets, and those of its record. */
  #attemptIn(octets: Uint8Array): { readonly attempt: Attempt; readonly record: Uint8Array } {
    const head = new DataView(octets.buffer, octets.byteOffset, HEAD_OCTETS);
    const record = octets.subarray(HEAD_OCTETS, HEAD_OCTETS + head.getUint32(LENGTH));
    const attempt = {
      outcome: outcomeOf(octets),
      times: head.getUint32(TIMES),
      firstWallMs: head.getFloat64(FIRST_WALL_MS),
      record: this.#codec.read(record),
    };
    return { attempt, record };
  }

  /** Returns where it ends. */
  #write({ outcome, times, firstWallMs, record }: Attempt, at: number): number {
    const known = this.#read.find((one) => one.record === record);
    const octets = known?.octets ?? this.#codec.write(record);
    const start = at + HEAD_OCTETS;
    const end = start + octets.length;
    if (end > this.#scratch.length) this.#widen(end);
    this.#head.setUint8(at + OUTCOME, ATTEMPT_OUTCOMES.indexOf(outcome));
    this.#head.setUint32(at + TIMES, times);
    this.#head.setFloat64(at + FIRST_WALL_MS, firstWallMs);
    this.#head.setUint32(at + LENGTH, octets.length);
    this.#scratch.set(octets, start);
    return end;
  }

  #widen(octets: number): void {
    const before = this.#scratch;
    this.#scratch = new Uint8Array(2 * octets);
    this.#scratch.set(before);
    this.#head = new DataView(this.#scratch.buffer);
  }
}

function outcomeOf(octets: Uint8Array): Attempt["outcome"] {
  const outcome = ATTEMPT_OUTCOMES[octets[OUTCOME] ?? ATTEMPT_OUTCOMES.length];
  assert(outcome !== undefined, "an attempt begins with its outcome");
  return outcome;
}
