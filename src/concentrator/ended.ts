/** What follows when an IKE SA has ended: for its call, its eroute and its Child SAs. */

import { type EndReason, endWord } from "../ike/end-reason.ts";
import { type IkeEffect, spiOf } from "../ike/ike-sa.ts";
import type { Reason } from "../reason/reason.ts";
import { callOfIkeSa } from "./calls/call-table.ts";
import { onCallEnded, type Start } from "./calls/dial.ts";
import { onCallRedirected } from "./calls/follow-redirect.ts";
import { count, type Engine } from "./engine.ts";
import type { About } from "./journal/about.ts";
import { journal } from "./journal/write.ts";
import type { Entry } from "./negotiation/entry.ts";
import { aboutOf, unprove } from "./negotiation/ike-sas.ts";
import { endedText } from "./sites/end-words.ts";
import { leaveEroute, removeLeft } from "./sites/eroute-end.ts";
import { endIkeSa, ikeSaAt } from "./sites/ike-sas.ts";
import { spareLast } from "./sites/uniqueness.ts";

/** How it has ended. */
export type Ending = Omit<Extract<IkeEffect, { kind: "ended" }>, "kind">;

/** Informs all owners that are concerned. `start` begins the IKE SA of the next call. */
export function onEnded(
  engine: Engine,
  entry: Entry,
  { reason, childSasStay }: Ending,
  start: Start,
): void {
  const why = endWord(reason);
  const spi = spiOf(entry.sa);
  const about = aboutOf(entry);
  const inUse = ikeSaAt(engine, spi)?.eroute;
  if (inUse !== undefined && childSasStay !== true) removeLeft(engine, inUse.key, spi, why);
  const call = callOfIkeSa(engine, spi);
  if (reason.kind === "redirected") {
    const { to } = reason;
    if (call !== undefined) return onCallRedirected(engine, call, to);
    noteRedirected(engine, about, to.host);
  } else if (call !== undefined) onCallEnded(engine, call, reason, start);
  const eroute = endIkeSa(engine, spi);
  if (eroute === undefined) {
    if (reason.kind !== "redirected") count(engine, "negotiations_failed");
    return;
  }
  count(engine, isReplaced(reason, why) ? "ike_sas_replaced" : "ike_sas_closed");
  if (reason.kind === "we-deleted") {
    journal(engine, about, {
      level: why === "peer-silent" ? "warning" : "info",
      step: "INFORMATIONAL",
      outcome: "note",
      reason: why,
      detail: endedText("IKE SA deleted", why),
    });
  }
  unprove(entry);
  leaveEroute(engine, eroute, spi, why);
  spareLast(engine, eroute);
}

/** Whether a rekey or a new IKE SA has replaced it, so that the site continues without a gap. */
function isReplaced(reason: EndReason, why: Reason): boolean {
  return reason.kind === "replaced-by-rekey" || REPLACED.has(why);
}

const REPLACED: ReadonlySet<Reason> = new Set<Reason>([
  "rekeyed",
  "redundant",
  "replaced-by-newer",
]);

function noteRedirected(engine: Engine, about: About, host: string): void {
  journal(engine, about, {
    level: "info",
    step: about.isProven ? "INFORMATIONAL" : "IKE_AUTH",
    outcome: "note",
    reason: "redirected",
    detail: `the site was sent to ${host}, and has gone`,
  });
}
