/** Words that come again and again, as numbers from 0 in the order in which they came. */

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
