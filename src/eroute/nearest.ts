/** Which of several texts somebody may have meant: for messages. */

/** Longer texts are not compared: a stranger's ID must not cost much. */
const COMPARED_LENGTH_MAX = 64;
const CANDIDATES_MAX = 256;

/**
 * The candidate that takes the fewest single-character changes to become `asked`, `*` and `?` in a
 * candidate standing for any run and any character; undefined if none is near.
 */
export function nearestText(asked: string, candidates: Iterable<string>): string | undefined {
  if (asked.length > COMPARED_LENGTH_MAX) return undefined;
  const text = asked.toLowerCase();
  // With more than a third of it changed, a text is another one.
  let least = Math.max(1, Math.floor((text.length + 1) / 3)) + 1;
  let nearest: string | undefined;
  let compared = 0;
  for (const candidate of candidates) {
    if (++compared > CANDIDATES_MAX) break;
    if (candidate.length > COMPARED_LENGTH_MAX) continue;
    const changes = changesBetween(candidate.toLowerCase(), text);
    if (changes < least) {
      least = changes;
      nearest = candidate;
    }
  }
  return nearest;
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
