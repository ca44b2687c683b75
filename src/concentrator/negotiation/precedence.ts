/**
 * Whose work comes first where it has to wait: IKE SAs that are up, then sites that we call or that
 * have been up before, then strangers, who share what is left fairly by address prefix.
 */

import { pathOf } from "../../ike/ike-sa.ts";
import type { Address } from "../../inet/address.ts";
import { originOf } from "../../inet/origin.ts";
import type { Engine, Entry } from "../engine.ts";

export type Precedence = {
  readonly rank: Rank;
  /** Of one rank each prefix gets its turn, however much another one asks for. */
  readonly prefix: string;
};

/** In the order in which they are served. */
export const RANKS = ["established", "known", "stranger"] as const;
export type Rank = (typeof RANKS)[number];

/** Prefixes from which a site has been up are remembered, so many; the oldest goes first. */
const KNOWN_PREFIXES_MAX = 16_384;

export function precedenceOf(engine: Engine, entry: Entry): Precedence {
  const prefix = originOf(pathOf(entry.sa).remote.address);
  if (entry.eroute !== undefined) return { rank: "established", prefix };
  const isKnown = entry.call !== undefined || engine.knownPrefixes.has(prefix);
  return { rank: isKnown ? "known" : "stranger", prefix };
}

/** A site is up at this address. */
export function rememberPrefix(engine: Engine, address: Address): void {
  const known = engine.knownPrefixes;
  const prefix = originOf(address);
  // Once more at the end: the order is that of the last time.
  known.delete(prefix);
  const [oldest] = known;
  if (known.size >= KNOWN_PREFIXES_MAX && oldest !== undefined) known.delete(oldest);
  known.add(prefix);
}
