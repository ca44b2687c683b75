/** What to do about a site that is not connected, or that no packet passes through. Pure. */

import type { Reason } from "../reason/reason.ts";
import { alignment, type ErouteOfSite } from "./alignment.ts";
import { type Attempt, hostOf } from "./attempt.ts";
import type { Comparison } from "./compare.ts";
import { removalAdvice } from "./explain-removals.ts";
import type { TrafficJudgement } from "./explain-traffic.ts";
import { followsFrom, isCuredInRow, REASONS } from "./reason.ts";
import type { DatabaseEngine, MatchFacts, SiteFacts, SiteState } from "./site-facts.ts";

const START =
  "start erouted, or read its log: `systemctl status erouted`; `erouted check` says what " +
  "keeps it from starting";

/** What has been concluded from the facts so far. */
export type Judged = {
  readonly cause: Attempt | undefined;
  readonly failed: Attempt | undefined;
  readonly comparison: Comparison | undefined;
  readonly traffic: TrafficJudgement | undefined;
};

/** What to do, the most important first; empty if nothing is to be done. */
export function adviceFor(facts: SiteFacts, state: SiteState, judged: Judged): readonly string[] {
  const { cause, failed, comparison, traffic } = judged;
  const { asked, match, row } = facts;
  if (state === "connected") {
    return [...(traffic?.advice === undefined ? [] : [traffic.advice]), ...removalAdvice(facts)];
  }
  if (state === "negotiating" || state === "calling") return [];
  if (match.kind === "none") return [adviceOf(match.reason, asked)];
  if (row.kind === "faulty") return [adviceOf(row.reason, asked, row.engine)];
  if (state === "unknown") return [START];
  if (state === "never-seen") return neverSeen(facts);
  // An IKE SA that was made before the journal began.
  if (cause === undefined) return [adviceOf("established", asked)];
  const { reason } = cause.record;
  if (failed !== undefined && followsFrom(reason) === "database-again") {
    return [row.kind === "good" ? ANSWERS_AGAIN : adviceOf(reason, asked), ...callIt(facts)];
  }
  if (failed !== undefined && isCuredInRow(reason)) {
    return ["the row is correct now: the site's next attempt uses it", ...callIt(facts)];
  }
  const aligned = comparison === undefined ? [] : alignment(comparison, erouteOf(match));
  if (aligned.length > 0) return aligned;
  const advice = adviceOf(reason, asked);
  return failed !== undefined ? [advice] : [advice, ...callIt(facts)];
}

function erouteOf(match: MatchFacts): ErouteOfSite {
  if (match.kind !== "eroute") return undefined;
  return { name: match.eroute, isNormal: match.egroup === undefined };
}

function neverSeen(facts: SiteFacts): readonly string[] {
  const { match, peersThere, similar, strangers } = facts;
  const [peerThere] = peersThere;
  if (match.kind === "address" && peerThere !== undefined) {
    return [withPeer("ask for the sites that came from there: `erouted why {peer}`", peerThere)];
  }
  const what = match.kind === "address" ? "nothing comes from there" : NOTHING_OF_IT;
  const typed = similar?.record.peerId;
  const stranger = hostOf(strangers[0]?.record.remote);
  return [
    ...(typed === undefined ? [] : [withPeer(SIMILAR, typed)]),
    `${what}: ${whereToCall(facts.listening)}`,
    ...(stranger === undefined ? [] : [withPeer(STRANGER, stranger)]),
    "check the concentrator's address, the ID and the line of the site, and look for firewalls " +
      "that drop UDP 500 and 4500",
    ...remoteConfig(facts),
    ...callIt(facts),
  ];
}

/** Addresses that only this host reaches are named only if there are no others. */
function whereToCall(listening: readonly string[]): string {
  if (listening.length === 0) return "erouted listens on no address: look at ike.listen";
  const outward = listening.filter((endpoint) => !/^(127\.|\[::1\])/.test(endpoint));
  const named = outward.length > 0 ? outward : listening;
  const shown = named.slice(0, PORTS_SHOWN_MAX).join(", ");
  const more = named.length > PORTS_SHOWN_MAX ? `, or ${named.length - PORTS_SHOWN_MAX} more` : "";
  const only = outward.length > 0 ? "" : ", which only this host reaches: look at ike.listen";
  return `it has to call one of ${shown}${more}${only}`;
}

function remoteConfig({ match, asked }: SiteFacts): readonly string[] {
  if (match.kind !== "eroute" || match.egroup === undefined) return [];
  return [withPeer(REMOTE_CONFIG, asked)];
}

const REMOTE_CONFIG =
  "`erouted peers remote-config {peer}` prints the configuration of the site's router";
const NOTHING_OF_IT = "nothing from it reaches us, or not under this ID";
const SIMILAR = "a similar ID was refused: is it this site? `erouted why {peer}`";
const STRANGER = "one of those that failed before they sent an ID may be it: `erouted why {peer}`";
const PORTS_SHOWN_MAX = 4;

function callIt({ match, asked }: SiteFacts): readonly string[] {
  if (match.kind !== "eroute" || !match.canCall) return [];
  return [withPeer("or call it: `erouted connect {peer} --wait`", asked)];
}

const ANSWERS_AGAIN = "the database answers again: the site's next attempt, or repeat, can connect";

function adviceOf(reason: Reason, asked: string, engine?: DatabaseEngine): string {
  const { advice, adviceForFile } = REASONS[reason];
  return withPeer(engine === "sqlite" ? (adviceForFile ?? advice) : advice, asked);
}

function withPeer(advice: string, peerId: string): string {
  return advice.replaceAll("{peer}", () => shellWord(peerId));
}

/** Anybody can choose an ID, and people copy commands: it is quoted as one word for a shell. */
function shellWord(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", "'\\''")}'`;
}
