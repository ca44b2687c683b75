/** Which refusals of IKE_AUTH stay without an answer, so that the site asks again (R6). */

import type { Eroute } from "../../eroute/eroute.ts";
import { DATABASE_FAULTS, type Reason } from "../../reason/reason.ts";
import type { Engine } from "../engine.ts";
import { dynamicCount } from "./eroutes.ts";

/** Why an ID gets no credentials, as the journal says it. */
export type Denial = {
  readonly reason: Reason;
  readonly detail: string;
  /** Both sides, where they are why. */
  readonly offered?: readonly string[];
  readonly wanted?: readonly string[];
};

/**
 * Whether it is our fault, not the site's: a final refusal would keep the site from trying again.
 */
export function isFaultOfOurs(reason: Reason): boolean {
  return OURS.has(reason);
}

const OURS: ReadonlySet<Reason> = new Set<Reason>([
  ...DATABASE_FAULTS,
  "table-full",
  "no-egroup",
  "reconfigured",
]);

/**
 * Whether a peer that fails to authenticate gets no answer. `eroute`: the one that its ID matches.
 * While the table is full no peer gets one: otherwise silence would tell which IDs have a row.
 */
export function isSilent(engine: Engine, eroute: Eroute | undefined): boolean {
  const unknownSites = eroute?.life.unknownSites ?? engine.plan.unknownSites;
  if (unknownSites === "silent") return true;
  return eroute?.kind === "base" && dynamicCount(engine) >= engine.plan.limits.dynamicEroutesMax;
}
