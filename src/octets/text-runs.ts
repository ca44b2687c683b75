/** Texts that stay, as octets in few arrays: a text of its own would be an object to collect. */

import { OctetRuns, type RunPlace } from "./octet-runs.ts";
import { isWide, readText, writeText } from "./text-octets.ts";

/** Where a text is kept: only the object that gave it knows what it means. */
export type TextPlace = RunPlace;

/** Before the text: whether its characters take two octets. */
const HEAD_OCTETS = 1;
const SCRATCH_OCTETS = 256;

export class TextRuns {
  readonly #runs = new OctetRuns();
  #scratch = new Uint8Array(SCRATCH_OCTETS);

  /** How many texts it holds. */
  get size(): number {
    return this.#runs.size;
  }

  put(text: string): TextPlace {
    const wide = isWide(text);
    const octets = HEAD_OCTETS + (wide ? 2 * text.length : text.length);
    if (octets > this.#scratch.length) this.#scratch = new Uint8Array(2 * octets);
    this.#scratch[0] = wide ? 1 : 0;
    const end = writeText(text, wide, this.#scratch, HEAD_OCTETS);
    return this.#runs.put(this.#scratch, end);
  }

  at(place: TextPlace): string {
    const octets = this.#runs.view(place);
    return readText(octets.subarray(HEAD_OCTETS), octets[0] === 1);
  }

  free(place: TextPlace): void {
    this.#runs.free(place);
  }
}
