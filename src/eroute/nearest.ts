/** Which of several texts somebody may have meant: for messages. */

/** Longer texts are not compared: a stranger's ID must not cost much. */
const COMPARED_LENGTH_MAX = 64;
const CANDIDATES_MAX = 256;
/** Characters of all candidates × characters of the text. */
const STEPS_MAX = 20_000;

/**
 * The candidate that needs the fewest single-character changes to become `asked`; `*` and `?` in a
 * candidate stand for any run and any character. Undefined if none is near.
 */
export function nearestText(asked: string, candidates: Iterable<string>): string | undefined {
  if (asked.length > COMPARED_LENGTH_MAX) return undefined;
  const text = asked.toLowerCase();
  // A text of which more than a third has to change is a different one.
  let least = Math.max(1, Math.floor((text.length + 1) / 3)) + 1;
  let nearest: string | undefined;
  let compared = 0;
  let steps = 0;
  for (const candidate of candidates) {
    if (++compared > CANDIDATES_MAX) break;
    if (candidate.length > COMPARED_LENGTH_MAX) continue;
    steps += candidate.length * text.length;
    if (steps > STEPS_MAX) break;
    const changes = changesBetween(candidate.toLowerCase(), text);
    if (changes < least) {
      least = changes;
      nearest = candidate;
    }
  }
  return nearest;
}

/**
 * How many characters of `text` match before a pattern can no longer match: all of them if only the
 * pattern's end is missing. Both are at most as long as an ID.
 */
export function agreement(pattern: string, text: string): number {
  const symbols = [...pattern.toLowerCase()];
  const characters = [...text.toLowerCase()];
  let places = pastStars(symbols, [0]);
  for (const [at, character] of characters.entries()) {
    const next = places.flatMap((place) => {
      const symbol = symbols[place];
      if (symbol === "*") return [place];
      return symbol === "?" || symbol === character ? [place + 1] : [];
    });
    if (next.length === 0) return at;
    places = pastStars(symbols, next);
  }
  return characters.length;
}

/** The places in a pattern, together with those reached by stars that match nothing. */
function pastStars(symbols: readonly string[], places: readonly number[]): number[] {
  const all = new Set(places);
  for (const place of all) if (symbols[place] === "*") all.add(place + 1);
  return [...all];
}

/** Characters to insert, remove or replace until `text` matches `pattern`. */
function changesBetween(pattern: string, text: string): number {
  let before = Array.from({ length: text.length + 1 }, (_, j) => j);
  for (const symbol of pattern) {
    const star = symbol === "*";
    const row = [(before[0] ?? 0) + (star ? 0 : 1)];
    for (let j = 1; j <= text.length; j++) {
      const same = star || symbol === "?" || symbol === text[j - 1];
      const replaced = (before[j - 1] ?? 0) + (same ? 0 : 1);
      const missing = (before[j] ?? 0) + (star ? 0 : 1);
      const extra = (row[j - 1] ?? 0) + (star ? 0 : 1);
      row.push(Math.min(replaced, missing, extra));
    }
    before = row;
  }
  return before[text.length] ?? 0;
}
