/** Texts as octets: read as they were put, until they are freed. */

import { expect, test } from "bun:test";
import { type TextPlace, TextRuns } from "../../../src/octets/text-runs.ts";
import { createPrng } from "../../simulation/prng.ts";

test("whatever is put and freed, each text is read as it was put", () => {
  const random = createPrng(11);
  const texts = new TextRuns();
  const held = new Map<TextPlace, string>();
  const letters = ["a", "\u0000", "ü", "\ud800", "拠", "\ufeff", "z"];
  // Some take more than an octet store keeps in one place.
  const lengths = [0, 1, 31, 32, 33, 300, 8_190, 8_191, 8_192, 20_000];
  for (let step = 0; step < 4_000; step++) {
    const [place] = [...held.keys()].slice(random.below(held.size + 1));
    if (place !== undefined && random.below(5) < 2) {
      texts.free(place);
      held.delete(place);
    } else {
      const length = lengths[random.below(lengths.length)] ?? 0;
      const letter = letters[random.below(letters.length)] ?? "";
      const text = "b".repeat(length >> 1) + letter.repeat(length - (length >> 1));
      const at = texts.put(text);
      expect(held.has(at)).toBeFalse();
      held.set(at, text);
    }
    expect(texts.size).toBe(held.size);
    const [some] = [...held.keys()].slice(random.below(held.size + 1));
    if (some !== undefined && texts.at(some) !== held.get(some)) throw new Error("another text");
  }
  for (const [place, text] of held) expect(texts.at(place) === text).toBeTrue();
  for (const place of held.keys()) texts.free(place);
  expect(texts.size).toBe(0);
});
