/** An IKE SA has ended: its call, its eroute and its Child SAs hear of it. */

import { type EndReason, endWord } from "../ike/end-reason.ts";
import type { IkeEffect } from "../ike/ike-sa.ts";
import type { Reason } from "../reason/reason.ts";
import type { IkeSpi } from "../wire/header.ts";
import { onCallEnded, type StartEntry } from "./calls/dial.ts";
import { onCallRedirected } from "./calls/follow-redirect.ts";
import { removeLeft } from "./dataplane/child-sas.ts";
import { count, type Engine } from "./engine.ts";
import { journal } from "./journal/write.ts";
import type { Entry } from "./negotiation/entry.ts";
import { leaveEroute } from "./sites/eroute-end.ts";
import { spareLast } from "./sites/uniqueness.ts";

const DELETED: Readonly<Partial<Record<Reason, string>>> = {
  "peer-silent": "the site answered none of our requests for over a minute: it counts as gone",
  "replaced-by-newer": "the site has called again: its former IKE SA is removed",
  redundant: "both ends have called at the same time: one IKE SA stays",
  "address-gone": "our address that its packets go to has gone, and has not come back",
  inactive: "no packet in either direction for the eroute's inactivity time",
  "lifetime-over": "its keys could not be replaced in time",
  "keys-refused": "the site refuses new keys, and the old ones have served their time",
  "reauthentication-overdue": "the site has not authenticated anew in time",
  "ike-sas-over-limit": "the site has more IKE SAs than ike.ike_sas_per_site lets it have",
  childless: "the site has had no Child SA for five minutes: the IKE SA is of no use",
  "no-child-sa": "the site grants no Child SA: the IKE SA is of no use",
  "disconnected-by-hand": "an operator has disconnected the site",
  reconfigured: "the new configuration gives the site other SAs",
  "row-changed": "the site's row says something else than its SAs were made from",
  "row-removed": "the site's row is gone",
  "subnet-taken-over": "another site with the same subnet has taken its place (overlap)",
  "row-disabled": "the site is disabled in its row",
};

/** Which IKE SA has ended, and how. */
export type Ending = Omit<Extract<IkeEffect, { kind: "ended" }>, "kind"> & { readonly spi: IkeSpi };

/** Informs all parts that are concerned; `start` begins the IKE SA of another call. */
export function onEnded(
  engine: Engine,
  entry: Entry,
  { spi, reason, childSasStay }: Ending,
  start: StartEntry,
): void {
  const why = endWord(reason);
  if (entry.eroute !== undefined && childSasStay !== true) {
    removeLeft(engine, entry.eroute.key, spi, why);
  }
  const { call: id } = entry;
  entry.call = undefined;
  if (reason.kind === "redirected") {
    const { to } = reason;
    if (id !== undefined) return onCallRedirected(engine, entry, { id, to });
    noteRedirected(engine, entry, to.host);
  } else if (id !== undefined) onCallEnded(engine, id, reason, start);
  if (entry.eroute === undefined) {
    if (reason.kind !== "redirected") count(engine, "negotiations_failed");
    return;
  }
  count(engine, isReplaced(reason, why) ? "ike_sas_replaced" : "ike_sas_closed");
  if (reason.kind === "we-deleted") {
    journal(engine, entry, {
      level: why === "peer-silent" ? "warning" : "info",
      step: "INFORMATIONAL",
      outcome: "note",
      reason: why,
      detail: DELETED[why] ?? `IKE SA deleted: ${why}`,
    });
  }
  const { eroute } = entry;
  entry.eroute = undefined;
  leaveEroute(engine, eroute, spi, why);
  spareLast(engine, eroute);
}

/** By a rekey or a new call: the site continues without a gap. */
function isReplaced(reason: EndReason, why: Reason): boolean {
  return reason.kind === "replaced-by-rekey" || REPLACED.has(why);
}

const REPLACED: ReadonlySet<Reason> = new Set<Reason>([
  "rekeyed",
  "redundant",
  "replaced-by-newer",
]);

function noteRedirected(engine: Engine, entry: Entry, host: string): void {
  journal(engine, entry, {
    level: "info",
    step: entry.eroute === undefined ? "IKE_AUTH" : "INFORMATIONAL",
    outcome: "note",
    reason: "redirected",
    detail: `the site was sent to ${host}, and has gone`,
  });
}
