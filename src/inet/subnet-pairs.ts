/** How many pairs of subnets one Child SA may connect: each needs three policies in the kernel. */

import type { Family } from "./address.ts";

/** Subnets, or traffic selectors, of one side. */
export const SUBNETS_MAX = 64;

/**
 * Pairs of a local and a remote subnet; blocks of ports count like subnets: sixteen subnets on each
 * side, or 64 and four. Their policies are all sent to the kernel in one turn.
 */
export const SUBNET_PAIRS_MAX = 256;

/**
 * For all Child SAs of a site together, each pair counted once: they may all be installed in one
 * turn.
 */
export const SITE_PAIRS_MAX = 512;

type OfFamily = { readonly family: Family };

/** Pairs of subnets of the same family. */
export function countPairs(local: readonly OfFamily[], remote: readonly OfFamily[]): number {
  const count = (side: readonly OfFamily[], family: Family) => {
    let sum = 0;
    for (const one of side) if (one.family === family) sum++;
    return sum;
  };
  return count(local, 4) * count(remote, 4) + count(local, 6) * count(remote, 6);
}
