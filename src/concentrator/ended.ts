/** An IKE SA has ended: its call, its eroute and its Child SAs hear of it. */

import { type EndReason, endWord } from "../ike/end-reason.ts";
import type { IkeEffect } from "../ike/ike-sa.ts";
import type { Reason } from "../reason/reason.ts";
import type { IkeSpi } from "../wire/header.ts";
import { onCallEnded, type StartEntry } from "./calls/dial.ts";
import { onCallRedirected } from "./calls/follow-redirect.ts";
import { count, type Engine } from "./engine.ts";
import { journal } from "./journal/write.ts";
import type { Entry } from "./negotiation/entry.ts";
import { endedText } from "./sites/end-words.ts";
import { leaveEroute, removeLeft } from "./sites/eroute-end.ts";
import { spareLast } from "./sites/uniqueness.ts";

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
      detail: endedText("IKE SA deleted", why),
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
