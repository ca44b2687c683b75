/** Address prefixes from which a site was up: its work goes before that of strangers. */

import { pathOf, saIdOf } from "../../ike/ike-sa.ts";
import type { Address } from "../../inet/address.ts";
import { originOf } from "../../inet/origin.ts";
import type { Engine } from "../engine.ts";
import type { Precedence } from "../precedence.ts";
import type { Entry } from "./entry.ts";

/** Remembered prefixes from which a site was up; the oldest is forgotten first. */
const KNOWN_PREFIXES_MAX = 16_384;

/** The precedence of an IKE SA's work. */
export function precedenceOf(engine: Engine, entry: Entry): Precedence {
  const prefix = originOf(pathOf(entry.sa).remote.address);
  if (entry.isProven) return { rank: "established", prefix };
  // Not authenticated yet: one that we initiated belongs to a call.
  const isCall = saIdOf(entry.sa).role === "initiator";
  const isKnown = isCall || engine.negotiation.knownPrefixes.has(prefix);
  return { rank: isKnown ? "known" : "stranger", prefix };
}

/** A site is up at this address. */
export function rememberPrefix(engine: Engine, address: Address): void {
  const known = engine.negotiation.knownPrefixes;
  const prefix = originOf(address);
  if (known.moveToEnd(prefix) !== undefined) return;
  const oldest = known.size >= KNOWN_PREFIXES_MAX ? known.firstKey() : undefined;
  if (oldest !== undefined) known.delete(oldest);
  known.set(prefix, true);
}
