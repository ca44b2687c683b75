/** Peer ID patterns of all eroutes together: which IDs two of them match, and which never come. */

import { commonId, coversPattern } from "../eroute/overlap.ts";
import type { Pattern } from "../eroute/pattern.ts";
import {
  createPatternIndex,
  putPattern,
  valuesMeeting,
  valuesOver,
} from "../eroute/pattern-index.ts";
import { peerKey } from "../eroute/peer-id.ts";
import type { Check } from "./check.ts";
import { called, type ReadEroute } from "./eroutes.ts";
import { quoted } from "./fault.ts";

export type WithPattern = ReadEroute & { readonly peerid: Pattern };

/** Pairs of patterns that are named: after that many, correcting them comes first. */
const PAIRS_MAX = 100;

/** R11: an ID must lead to one egroup. */
export function checkOverlaps(check: Check, eroutes: readonly WithPattern[]): void {
  const bases = eroutes.filter((eroute) => eroute.kind === "base");
  const pairs = sharedIds(bases);
  for (const { before, eroute, id } of pairs) {
    const [a, b] = [quoted(eroute.peerid.text), quoted(before.peerid.text)];
    const what = `is ${a}: like ${b} of ${called(before)} it matches the ID ${quoted(id)} (R11)`;
    check.fault([...eroute.path, "peerid"], what, DISTINCT);
  }
  if (pairs.length < PAIRS_MAX) return;
  check.fault([], `may have more: only the first ${PAIRS_MAX} such pairs are named`, DISTINCT);
}

const DISTINCT = "patterns that match no ID in common";

type SharedId = {
  readonly before: WithPattern;
  readonly eroute: WithPattern;
  readonly id: string;
};

/** The first pairs that match an ID in common, in the order of the later one. */
function sharedIds(bases: readonly WithPattern[]): readonly SharedId[] {
  const index = createPatternIndex<number>();
  for (const [place, { peerid }] of bases.entries()) putPattern(index, peerid, place);
  const seen = new Set<number>();
  const found: (SharedId & { readonly key: number })[] = [];
  for (const [place, { peerid }] of bases.entries()) {
    for (const other of valuesMeeting(index, peerid)) {
      if (other === place) continue;
      const [first, second] = other < place ? [other, place] : [place, other];
      const key = second * bases.length + first;
      const [before, eroute] = [bases[first], bases[second]];
      if (seen.has(key) || before === undefined || eroute === undefined) continue;
      seen.add(key);
      const id = commonId(before.peerid, eroute.peerid);
      if (id !== undefined) found.push({ before, eroute, id, key });
      if (found.length === PAIRS_MAX) return found.sort((a, b) => a.key - b.key);
    }
  }
  return found.sort((a, b) => a.key - b.key);
}

/** R1-R3: base eroutes are matched first, then normal ones in their order. */
export function checkReachable(check: Check, eroutes: readonly WithPattern[]): void {
  const index = createPatternIndex<number>();
  const known = new Set<string>();
  for (const [place, { kind, peerid }] of eroutes.entries()) {
    // Whatever a second eroute of the same kind and pattern matches, the first one does.
    const key = `${kind} ${peerKey(peerid.text)}`;
    if (known.has(key)) continue;
    known.add(key);
    putPattern(index, peerid, place);
  }
  for (const [place, eroute] of eroutes.entries()) {
    if (eroute.kind === "base") continue;
    let before: number | undefined;
    for (const other of valuesOver(index, eroute.peerid)) {
      const one = eroutes[other];
      if (one === undefined || (before !== undefined && before < other)) continue;
      if (one.kind !== "base" && other >= place) continue;
      if (coversPattern(one.peerid, eroute.peerid)) before = other;
    }
    const first = before === undefined ? undefined : eroutes[before];
    if (first === undefined) continue;
    const taken = `${called(first)} matches all its IDs first, with ${quoted(first.peerid.text)}`;
    const what = `is ${quoted(eroute.peerid.text)}, but ${taken}`;
    check.warn([...eroute.path, "peerid"], what, "a pattern that can be reached");
  }
}
