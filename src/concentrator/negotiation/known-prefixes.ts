/** Address prefixes from which a site was up: its work goes before that of strangers. */

import { pathOf, saIdOf } from "../../ike/ike-sa.ts";
import type { Address } from "../../inet/address.ts";
import { originOf } from "../../inet/origin.ts";
import type { Engine } from "../engine.ts";
import type { Precedence } from "../precedence.ts";
import type { Entry } from "./entry.ts";

/** Prefixes from which a site has been up are remembered, so many; the oldest goes first. */
const KNOWN_PREFIXES_MAX = 16_384;

/** The precedence of an IKE SA's work. */
export function precedenceOf(engine: Engine, entry: Entry): Precedence {
  const prefix = originOf(pathOf(entry.sa).remote.address);
  if (entry.isProven) return { rank: "established", prefix };
  // Before that only those of calls are ours.
  const isCall = saIdOf(entry.sa).role === "initiator";
  const isKnown = isCall || engine.negotiation.knownPrefixes.has(prefix);
  return { rank: isKnown ? "known" : "stranger", prefix };
}

/** A site is up at this address. */
export function rememberPrefix(engine: Engine, address: Address): void {
  const known = engine.negotiation.knownPrefixes;
  const prefix = originOf(address);
  // Once more at the end: the order is that of the last time.
  known.delete(prefix);
  const [oldest] = known;
  if (known.size >= KNOWN_PREFIXES_MAX && oldest !== undefined) known.delete(oldest);
  known.add(prefix);
}
