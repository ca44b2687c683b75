/** R12: remote subnets of base eroutes that overlap, found without comparing each with each. */

import { equalPrefix, formatPrefix, type Prefix } from "../inet/prefix.ts";
import { createPrefixTable, putAt, valuesAround, valuesAt } from "../inet/prefix-table.ts";
import type { Check } from "./check.ts";
import { called, type ReadEroute } from "./eroutes.ts";

/** R12: a packet must lead to one base eroute. */
export function checkBaseSubnets(check: Check, eroutes: readonly ReadEroute[]): void {
  const bases = eroutes.filter((eroute) => eroute.kind === "base");
  for (const { place, first, pairs } of overlapsOf(bases.map((base) => base.remoteSubnets))) {
    const [eroute, other] = [bases[place], bases[first.place]];
    if (eroute === undefined || other === undefined) continue;
    const both = `${formatPrefix(first.subnet)} and ${formatPrefix(first.own)}`;
    const more = pairs === 1 ? "" : `, and ${pairs - 1} more pairs of subnets overlap`;
    const what = `overlaps that of ${called(other)}: ${both}${more}`;
    check.warn([...eroute.path, "remote_subnet"], what, "separate subnets");
  }
}

/** What a list of subnets shares with the lists before it. */
export type Overlap = {
  readonly place: number;
  /** The first list that shares something, its subnet, and the one that overlaps it. */
  readonly first: { readonly place: number; readonly subnet: Prefix; readonly own: Prefix };
  /** Pairs of a subnet of this list and one of a list before it. */
  readonly pairs: number;
};

/** How many subnets have come, and the first of them. */
type Tally = { place: number; subnet: Prefix; count: number };

/** One subnet that occurs: who has had it so far, and what has come inside it. */
type Cell = { readonly subnet: Prefix; equal: Tally | undefined; inside: Tally | undefined };

/** In order of place. The subnets of one list may overlap each other. */
export function overlapsOf(lists: readonly (readonly Prefix[])[]): readonly Overlap[] {
  const table = createPrefixTable<number>();
  const cells: Cell[] = [];
  for (const subnet of lists.flat()) {
    if (valuesAt(table, subnet).length > 0) continue;
    putAt(table, subnet, cells.push({ subnet, equal: undefined, inside: undefined }) - 1);
  }
  const cellsAround = (subnet: Prefix) =>
    valuesAround(table, subnet).flatMap(({ values }) => values.flatMap((at) => cells[at] ?? []));
  return lists.flatMap((subnets, place) => {
    let first: Overlap["first"] | undefined;
    let pairs = 0;
    for (const own of subnets) {
      for (const { subnet, equal, inside } of cellsAround(own)) {
        const seen = equalPrefix(subnet, own) ? [equal, inside] : [equal];
        for (const tally of seen) {
          if (tally === undefined) continue;
          pairs += tally.count;
          if (first !== undefined && first.place <= tally.place) continue;
          first = { place: tally.place, subnet: tally.subnet, own };
        }
      }
    }
    for (const own of subnets) {
      for (const cell of cellsAround(own)) {
        const kind = equalPrefix(cell.subnet, own) ? "equal" : "inside";
        cell[kind] ??= { place, subnet: own, count: 0 };
        cell[kind].count++;
      }
    }
    return first === undefined ? [] : [{ place, first, pairs }];
  });
}
