/** Words that come again and again, as numbers from 0 in the order in which they came. */

import { assert } from "./assert.ts";

export class Words<Word extends string> {
  readonly #max: number;
  readonly #numbers = new Map<Word, number>();
  readonly #words: Word[] = [];

  /** At most `max` words have numbers. */
  constructor(max: number) {
    this.#max = max;
  }

  /** The word's number, which it gets if there is room; undefined: it has none. */
  numberOf(word: Word): number | undefined {
    const known = this.#numbers.get(word);
    if (known !== undefined || this.#words.length >= this.#max) return known;
    this.#numbers.set(word, this.#words.length);
    return this.#words.push(word) - 1;
  }

  /** The word that has this number. */
  at(number: number): Word | undefined {
    return this.#words[number];
  }
}

/** The words of a closed union, which has no more than `max`. */
export class ClosedWords<Word extends string> {
  readonly #words: Words<Word>;

  constructor(max: number) {
    this.#words = new Words(max);
  }

  numberOf(word: Word): number {
    const number = this.#words.numberOf(word);
    assert(number !== undefined, "each word of a closed union has a number");
    return number;
  }

  at(number: number): Word {
    const word = this.#words.at(number);
    assert(word !== undefined, "only words that came have numbers");
    return word;
  }
}
