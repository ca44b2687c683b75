/**
 * Values that many documents hold, each written once: the documents hold its number instead. Not
 * for secrets, and not for values with an instant, which each process writes in another way.
 */

import { type Codec, list, type Numbered, octets, record, text } from "./codec.ts";
import { Draft } from "./draft.ts";
import { toHex } from "./hex.ts";
import { decode, type Reader } from "./reader.ts";

/** A value as it is written, and the name of its codec. */
export type Word = { readonly name: string; readonly octets: Uint8Array };

/** What is not among the first of them stands in each document that holds it. */
const WORDS_MAX = 1_024;
const WORD_OCTETS_MAX = 4_096;
const WORD_OCTETS_FIRST = 512;

export const words: Codec<readonly Word[]> = list(
  record<Word>({ name: text(64), octets: octets(WORD_OCTETS_MAX) }),
  WORDS_MAX,
);

/** No clock: words have no instants. */
const NO_ANCHOR = { now: 0, wallMs: 0 };

export class Vocabulary implements Numbered {
  readonly #words: Word[] = [];
  /** By name and octets. */
  readonly #numbers = new Map<string, number>();
  /** The values whose numbers are known, by the names of their codecs. */
  readonly #known = new Map<string, WeakMap<object, number>>();
  /** By number, once they were read. */
  readonly #values = new Map<number, object>();
  #written = 0;

  /** Whether there are more than when `all` was last called. */
  get hasNew(): boolean {
    return this.#words.length > this.#written;
  }

  /** All words, the first of which has number 1. */
  all(): readonly Word[] {
    this.#written = this.#words.length;
    return [...this.#words];
  }

  /** Takes in the words of an earlier process, which keep their numbers. */
  load(words: readonly Word[]): void {
    if (this.#words.length > 0) return;
    for (const word of words) this.#add(keyOf(word), word);
    this.#written = this.#words.length;
  }

  /** The number of a value, which gets one if there is room; 0: it has none. */
  numberOf<T extends object>(name: string, codec: Codec<T>, value: T): number {
    let known = this.#known.get(name);
    if (known === undefined) {
      known = new WeakMap();
      this.#known.set(name, known);
    }
    return known.get(value) ?? this.#enter(known, { name, codec, value });
  }

  /** The value that has this number; undefined: there is none. */
  valueOf<T extends object>(name: string, codec: Codec<T>, number: number): T | undefined {
    const word = this.#words[number - 1];
    if (word === undefined || word.name !== name) return undefined;
    // This codec has read what is under its name.
    const known = this.#values.get(number) as T | undefined;
    if (known !== undefined) return known;
    const reading = (r: Reader) => ({ r, anchor: NO_ANCHOR, shared: new Map() });
    const read = decode(word.octets, name, (r) => codec.read(reading(r)));
    if (!read.ok) return undefined;
    this.#values.set(number, read.value);
    return read.value;
  }

  #enter<T extends object>(
    known: WeakMap<object, number>,
    { name, codec, value }: { readonly name: string; readonly codec: Codec<T>; readonly value: T },
  ): number {
    const w = new Draft(WORD_OCTETS_FIRST);
    codec.write({ w, anchor: NO_ANCHOR, shared: new Map() }, value);
    const word = { name, octets: w.taken() };
    const key = keyOf(word);
    const number = this.#numbers.get(key) ?? this.#add(key, word);
    known.set(value, number);
    return number;
  }

  #add(key: string, word: Word): number {
    const { length } = this.#words;
    if (length >= WORDS_MAX || word.octets.length > WORD_OCTETS_MAX) return 0;
    this.#words.push(word);
    this.#numbers.set(key, length + 1);
    return length + 1;
  }
}

function keyOf({ name, octets }: Word): string {
  return `${name} ${toHex(octets)}`;
}
