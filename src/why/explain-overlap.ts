/** Other sites that have addresses of this one, in words. */

import type { OverlapView } from "../concentrator/snapshot.ts";
import { RULE_WORDS, sharedText } from "../eroute/shared-subnet.ts";
import type { Finding } from "./finding.ts";
import type { SiteFacts } from "./site-facts.ts";

/** A problem if the other site keeps it out, otherwise only worth knowing. */
export function overlapFindings({ asked, overlaps, eroutes }: SiteFacts): readonly Finding[] {
  const isUp = eroutes.some(({ childSas }) => childSas.length > 0);
  return overlaps.map((view): Finding => {
    const isKeptOut = !isUp && view.isConnected && view.kind === "same" && view.rule === "refuse";
    const verdict = isKeptOut ? "problem" : "note";
    return { about: "row", verdict, detail: overlapText(asked, view) };
  });
}

/** One sentence about two sites, and what follows for them. */
export function overlapText(peerId: string, view: OverlapView): string {
  const where = view.isConnected ? ", which is connected" : "";
  const shared = `${peerId} ${sharedText(view, view.peerId)}`;
  return view.kind === "same" ? `${shared}${where}: ${RULE_WORDS[view.rule]}` : shared;
}
