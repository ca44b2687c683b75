/** Which refusals of IKE_AUTH stay without an answer, so that the site asks again (R6). */

import type { Eroute } from "../../eroute/eroute.ts";
import { DATABASE_FAULTS, type Reason } from "../../reason/reason.ts";
import type { Engine } from "../engine.ts";
import { dynamicCount } from "./eroutes.ts";

/** Why an ID gets no credentials, as the journal says it. */
export type Denial = { readonly reason: Reason; readonly detail: string };

/** Whether it is no fault of the site: a final answer would cost it more than it deserves. */
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
 * Whether a peer that does not prove to be a site gets no answer. `eroute`: the one that its ID
 * matches. With a full table nobody gets one: else silence would tell which IDs have a row.
 */
export function isSilent(engine: Engine, eroute: Eroute | undefined): boolean {
  const unknownSites = eroute?.life.unknownSites ?? engine.plan.unknownSites;
  if (unknownSites === "silent") return true;
  return eroute?.kind === "base" && dynamicCount(engine) >= engine.plan.limits.dynamicEroutesMax;
}
