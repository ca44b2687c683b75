/** Histories of sites as octets: decoded only where somebody reads them or they change. */

import type { JournalRecord } from "../concentrator/journal/journal.ts";
import type { RecordCodec } from "../concentrator/journal/record-codec.ts";
import { assert } from "../octets/assert.ts";
import { type KeyKind, textKeys } from "../octets/key-column.ts";
import { LongMap } from "../octets/long-map.ts";
import { OctetRuns, type RunPlace } from "../octets/octet-runs.ts";
import { ATTEMPT_OUTCOMES, type Attempt, hostOf } from "./attempt.ts";

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
  /** What was put last comes last. */
  readonly #held: LongMap<string, Held>;
  readonly #runs = new OctetRuns();
  #scratch = new Uint8Array(SCRATCH_OCTETS);
  #head = new DataView(this.#scratch.buffer);
  /** What was read last: most of it is written again. */
  #read: readonly Written[] = [];

  constructor(max: number, codec: RecordCodec, kind: KeyKind<string> = textKeys) {
    this.#max = max;
    this.#codec = codec;
    this.#held = new LongMap(kind);
  }

  get size(): number {
    return this.#held.size;
  }

  has(key: string): boolean {
    return this.#held.has(key);
  }

  /** A copy, the oldest attempt first; empty: there is no history. */
  get(key: string): Attempt[] {
    const held = this.#held.get(key);
    if (held === undefined) return [];
    const octets = this.#runs.view(placeIn(held));
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
  keys(isWanted = (_: Attempt["outcome"]) => true): readonly string[] {
    return this.#keysOf((held) => isWanted(outcomeIn(held)));
  }

  /** Of those whose last attempt came from this host, and perhaps of a few others. */
  keysAt(host: string): readonly string[] {
    const mark = markOf(host);
    return this.#keysOf((held) => markIn(held) === mark);
  }

  /** The last attempt. */
  lastOf(key: string): Attempt | undefined {
    const held = this.#held.get(key);
    if (held === undefined) return undefined;
    return this.#attemptIn(this.#runs.view(placeIn(held))).attempt;
  }

  put(key: string, history: readonly Attempt[]): void {
    const last = history.at(-1);
    assert(last !== undefined, "a history has an attempt");
    let end = 0;
    for (const attempt of history.toReversed()) end = this.#write(attempt, end);
    this.#free(this.#held.get(key));
    this.#held.set(key, heldAt(this.#runs.put(this.#scratch, end), last));
    this.#held.moveToEnd(key);
    const oldest = this.size > this.#max ? this.#held.firstKey() : undefined;
    if (oldest !== undefined) this.delete(oldest);
  }

  delete(key: string): void {
    this.#free(this.#held.get(key));
    this.#held.delete(key);
  }

  #keysOf(isWanted: (held: Held) => boolean): readonly string[] {
    const keys: string[] = [];
    for (const [key] of this.#held.where(isWanted)) keys.push(key);
    return keys.reverse();
  }

  #free(held: Held | undefined): void {
    this.#read = [];
    if (held !== undefined) this.#runs.free(placeIn(held));
  }

  /** The first attempt in these octets, and those of its record. */
  #attemptIn(octets: Uint8Array): { readonly attempt: Attempt; readonly record: Uint8Array } {
    const head = new DataView(octets.buffer, octets.byteOffset, HEAD_OCTETS);
    const record = octets.subarray(HEAD_OCTETS, HEAD_OCTETS + head.getUint32(LENGTH));
    const attempt = {
      outcome: outcomeAt(head.getUint8(OUTCOME)),
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

/** What is known of a history without reading it, as one number: an object would be a cell. */
type Held = number & { readonly is: "place, outcome and host of the last attempt" };

const PLACES = 2 ** 32;
const MARKS = 2 ** 18;

function heldAt(place: RunPlace, { outcome, record: { remote } }: Attempt): Held {
  const more = markOf(hostOf(remote) ?? "") * 4 + ATTEMPT_OUTCOMES.indexOf(outcome);
  return (more * PLACES + (place >>> 0)) as Held;
}

function placeIn(held: Held): RunPlace {
  return (held | 0) as RunPlace;
}

function outcomeIn(held: Held): Attempt["outcome"] {
  return outcomeAt(Math.floor(held / PLACES) & 3);
}

function outcomeAt(index: number): Attempt["outcome"] {
  const outcome = ATTEMPT_OUTCOMES[index];
  assert(outcome !== undefined, "there are four outcomes");
  return outcome;
}

function markIn(held: Held): number {
  return Math.floor(held / PLACES / 4);
}

/** The same for the same host; of others, one in many has it too. */
function markOf(host: string): number {
  let mark = 0;
  for (let at = 0; at < host.length; at++) mark = (mark * 31 + host.charCodeAt(at)) % MARKS;
  return mark;
}
