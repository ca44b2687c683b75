/** What two peer ID patterns have in common: IDs that both match (R11), or all IDs of one. */

import type { Pattern } from "./pattern.ts";
import { PEER_ID_LENGTH_MAX, peerKey } from "./peer-id.ts";

/**
 * The shortest ID that both patterns match (for messages: never the empty one); undefined if there
 * is none. Exact: it visits all pairs of places in both patterns, at most 256 × 256.
 */
export function commonId(a: Pattern, b: Pattern): string | undefined {
  const left = [...a.text];
  const right = [...b.text];
  if (beginApart(left, right)) return undefined;
  const lengths = commonLengths(left, right);
  const shortest = lengths[0] ?? Number.POSITIVE_INFINITY;
  if (shortest > PEER_ID_LENGTH_MAX) return undefined;
  // Only patterns that consist of stars share the empty ID, and those match everything.
  if (shortest === 0) return ANY_CHARACTER;
  const common = spell(left, right, lengths);
  // Characters outside the basic plane count twice in an ID's length.
  return common.length > PEER_ID_LENGTH_MAX ? undefined : common;
}

/**
 * Whether `outer` matches every ID that `inner` matches. True is certain; false may be wrong for
 * outer patterns that write `*` in pieces, such as `?*` against `*?`.
 */
export function coversPattern(outer: Pattern, inner: Pattern): boolean {
  const wide = [...peerKey(outer.text)];
  const narrow = [...peerKey(inner.text)];
  if (beginApart(wide, narrow)) return false;
  const columns = narrow.length + 1;
  const covers = new Uint8Array((wide.length + 1) * columns);
  for (let i = wide.length; i >= 0; i--) {
    for (let j = narrow.length; j >= 0; j--) {
      const at = i * columns + j;
      const [w, n] = [wide[i], narrow[j]];
      if (w === undefined) covers[at] = n === undefined ? 1 : 0;
      else if (w === "*") covers[at] = covers[at + columns] || (n && covers[at + 1]) || 0;
      else if (w === n || (w === "?" && n !== undefined && n !== "*")) {
        covers[at] = covers[at + columns + 1] ?? 0;
      }
    }
  }
  return covers[0] === 1;
}

/** Stands for `?` and for a lone `*` in an ID made for messages. */
const ANY_CHARACTER = "a";

/**
 * For each pair of places (i in `left`, j in `right`, at i × (right + 1) + j), the length of the
 * shortest text that both remainders match; infinite if there is none.
 */
function commonLengths(left: readonly string[], right: readonly string[]): Float64Array {
  const columns = right.length + 1;
  const lengths = new Float64Array((left.length + 1) * columns).fill(Number.POSITIVE_INFINITY);
  lengths[lengths.length - 1] = 0;
  for (let i = left.length; i >= 0; i--) {
    for (let j = right.length; j >= 0; j--) {
      const step = bestStep(left, right, lengths, { i, j });
      if (step !== undefined) lengths[i * columns + j] = step.length;
    }
  }
  return lengths;
}

/** Whether the texts before the first wildcards differ: this decides most pairs. */
function beginApart(left: readonly string[], right: readonly string[]): boolean {
  for (const [i, a] of left.entries()) {
    const b = right[i];
    if (b === undefined || isWildcard(a) || isWildcard(b)) return false;
    if (peerKey(a) !== peerKey(b)) return true;
  }
  return false;
}

function isWildcard(symbol: string): boolean {
  return symbol === "*" || symbol === "?";
}

type Place = { readonly i: number; readonly j: number };
type Step = Place & { readonly length: number; readonly character: string };

/** The step from a pair of places that leads to the shortest common text. */
function bestStep(
  left: readonly string[],
  right: readonly string[],
  lengths: Float64Array,
  { i, j }: Place,
): Step | undefined {
  const columns = right.length + 1;
  const [a, b] = [left[i], right[j]];
  let best: Step | undefined;
  const consider = (to: Place, character: string) => {
    const length = (lengths[to.i * columns + to.j] ?? 0) + (character === "" ? 0 : 1);
    if (length < (best?.length ?? Number.POSITIVE_INFINITY)) best = { ...to, length, character };
  };
  // A star may end here, or match the character that the other pattern needs.
  if (a === "*") consider({ i: i + 1, j }, "");
  if (b === "*") consider({ i, j: j + 1 }, "");
  if (a === "*" && b !== undefined && b !== "*") consider({ i, j: j + 1 }, characterOf(b));
  if (b === "*" && a !== undefined && a !== "*") consider({ i: i + 1, j }, characterOf(a));
  if (a !== undefined && b !== undefined && a !== "*" && b !== "*") {
    const character = commonCharacter(a, b);
    if (character !== undefined) consider({ i: i + 1, j: j + 1 }, character);
  }
  return best;
}

/** The text at the end of the best steps, from the start of both patterns. */
function spell(left: readonly string[], right: readonly string[], lengths: Float64Array): string {
  let text = "";
  let place: Place = { i: 0, j: 0 };
  while (place.i < left.length || place.j < right.length) {
    const step = bestStep(left, right, lengths, place);
    if (step === undefined) break;
    text += step.character;
    place = step;
  }
  return text;
}

function commonCharacter(a: string, b: string): string | undefined {
  if (a === "?") return characterOf(b);
  if (b === "?") return characterOf(a);
  return peerKey(a) === peerKey(b) ? a : undefined;
}

function characterOf(symbol: string): string {
  return symbol === "?" ? ANY_CHARACTER : symbol;
}
