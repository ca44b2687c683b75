/** Why a site is or is not connected: what is known of it, put into words. Pure. */

import { never } from "../octets/assert.ts";
import type { Instant } from "../octets/instant.ts";
import { alignment, type ErouteOfSite } from "./alignment.ts";
import { type Attempt, hostOf } from "./attempts.ts";
import { type Comparison, compare } from "./compare.ts";
import { judgeTraffic, type Traffic, type TrafficJudgement } from "./explain-traffic.ts";
import { isOfRow, reasonOf, reasonText } from "./reason.ts";
import type { CallView, ErouteView } from "./snapshot.ts";

/** What is known of a site when somebody asks. */
export type SiteFacts = {
  /** As it was asked for: a peer ID, or an address. */
  readonly asked: string;
  readonly now: Instant;
  readonly nowWallMs: number;
  /** False: there is no daemon to ask, and only configuration and table are known. */
  readonly isRunning: boolean;
  readonly match: MatchFacts;
  readonly row: RowFacts;
  /** Its eroutes in use. */
  readonly eroutes: readonly ErouteView[];
  /** The kernel's counters of their Child SAs; empty where there is no kernel. */
  readonly traffic: Traffic;
  readonly call: CallView | undefined;
  /** The newest first. */
  readonly attempts: readonly Attempt[];
  /** Where an address was asked for: sites that came from there last. */
  readonly peersThere: readonly string[];
  /** Attempts of others that ended before their ID was known; the newest first. */
  readonly strangers: readonly Attempt[];
  /** `192.0.2.1:500`: where sites have to call. */
  readonly listening: readonly string[];
  readonly tableIsFull: boolean;
};

/** Which eroute the ID belongs to (R1, R3). */
export type MatchFacts =
  | {
      readonly kind: "eroute";
      readonly eroute: string;
      readonly pattern: string;
      /** Of a base eroute. */
      readonly egroup: string | undefined;
      readonly canCall: boolean;
    }
  | { readonly kind: "none"; readonly reason: string; readonly closest: string | undefined }
  /** What was asked for is an address, and nobody's ID. */
  | { readonly kind: "address" };

/** The row as it is now (R2). */
export type RowFacts =
  /** A normal eroute has none; or no eroute matched, so that no table was asked. */
  | { readonly kind: "none" }
  | { readonly kind: "good"; readonly source: string; readonly columns: string }
  | {
      readonly kind: "faulty";
      readonly source: string;
      /** As in `no-row`, `row-disabled`, `bad-subnet`, `database-timeout`. */
      readonly reason: string;
      readonly detail: string;
    };

export type Explanation = {
  readonly state: SiteState;
  /** One sentence. */
  readonly summary: string;
  readonly findings: readonly Finding[];
  /** Both sides, where they have nothing in common. */
  readonly comparison: Comparison | undefined;
  /** What to do, the first thing first. Empty if nothing is. */
  readonly advice: readonly string[];
};

export type SiteState =
  | "connected"
  /** An IKE SA without a Child SA: no packet passes. */
  | "incomplete"
  | "negotiating"
  | "calling"
  /** What is configured now keeps it out: no eroute, no row, a faulty row, a database. */
  | "blocked"
  /** Its last attempt failed. */
  | "failed"
  /** It was connected. */
  | "ended"
  | "never-seen"
  /** No daemon runs that could tell. */
  | "unknown";

export type Finding = {
  readonly about:
    | "eroute"
    | "row"
    | "tunnel"
    | "traffic"
    | "attempt"
    | "call"
    | "stranger"
    | "table";
  readonly verdict: "ok" | "problem" | "note";
  readonly detail: string;
};

/** Explains. */
export function explain(facts: SiteFacts): Explanation {
  const state = stateOf(facts);
  const failed = currentFailure(facts, state);
  const traffic = judgeTraffic(facts.eroutes, facts.traffic, facts.now);
  const comparison = failed === undefined ? undefined : compare(failed.record);
  return {
    state,
    summary: summaryOf(facts, state),
    findings: [
      ...erouteFindings(facts),
      ...rowFindings(facts),
      ...facts.eroutes.map((eroute) => tunnelFinding(facts, eroute)),
      ...trafficFindings(traffic),
      ...callFindings(facts),
      ...facts.attempts.slice(0, 1).map((attempt) => attemptFinding(facts, attempt)),
      ...tableFindings(facts),
      ...strangerFindings(facts, state),
    ],
    comparison,
    advice: adviceFor(facts, state, { failed, comparison, traffic }),
  };
}

function stateOf({ eroutes, match, row, call, attempts, isRunning }: SiteFacts): SiteState {
  if (eroutes.some(({ childSas }) => childSas.length > 0)) return "connected";
  const isUp = eroutes.some(({ state }) => state === "established");
  if (match.kind === "none" || row.kind === "faulty") return isUp ? "incomplete" : "blocked";
  if (isUp) return "incomplete";
  if (!isRunning) return "unknown";
  if (call !== undefined && call.stage !== "waiting") return "calling";
  if (eroutes.some(({ state }) => state === "negotiating")) return "negotiating";
  const [last] = attempts;
  if (last === undefined) return "never-seen";
  return last.outcome === "ended" || last.outcome === "connected" ? "ended" : "failed";
}

/** The attempt that shows why it does not work now; a failure that has been cured does not. */
function currentFailure({ attempts }: SiteFacts, state: SiteState): Attempt | undefined {
  const [last] = attempts;
  if (state === "connected" || last === undefined) return undefined;
  return last.outcome === "failed" || last.outcome === "refused" ? last : undefined;
}

function summaryOf(facts: SiteFacts, state: SiteState): string {
  const { asked, match, row, attempts, eroutes } = facts;
  const [last] = attempts;
  const why = last === undefined ? "" : wordsOf(last);
  switch (state) {
    case "connected": {
      const [eroute] = eroutes;
      const since = eroute === undefined ? "" : `, for ${ago(facts.now - eroute.createdAt)}`;
      return `${asked} is connected, from ${eroute?.peerAddress ?? "?"}${since}`;
    }
    case "incomplete":
      return `${asked} has an IKE SA but no Child SA: no packet passes`;
    case "negotiating":
      return `${asked} is connecting just now`;
    case "calling":
      return `${asked} is being called just now`;
    case "blocked": {
      const reason = match.kind === "none" ? match.reason : row.kind === "faulty" ? row.reason : "";
      return `${asked} cannot connect: ${lower(reasonText(reason))}`;
    }
    case "failed":
      return `${asked} is not connected: ${why}`;
    case "ended":
      return `${asked} is not connected any more: ${why}`;
    case "never-seen":
      return `${asked} is not connected: it has not been heard of since erouted started`;
    case "unknown":
      return `whether ${asked} is connected cannot be told: no answer from erouted`;
    default:
      return never(state);
  }
}

function erouteFindings({ match, asked }: SiteFacts): readonly Finding[] {
  if (match.kind === "address") return [];
  if (match.kind === "eroute") {
    const kind = match.egroup === undefined ? "normal eroute" : "base eroute";
    const egroup = match.egroup === undefined ? "" : `, egroup ${match.egroup}`;
    const detail = `${kind} ${match.eroute} matches it by peerid "${match.pattern}"${egroup}`;
    return [{ about: "eroute", verdict: "ok", detail }];
  }
  const near =
    match.closest === undefined ? "no pattern is near" : `the nearest is "${match.closest}"`;
  const blanks = asked !== asked.trim() ? "; it has blanks around it" : "";
  const detail = `${reasonText(match.reason)}: ${near}${blanks}`;
  return [{ about: "eroute", verdict: "problem", detail }];
}

function rowFindings({ row }: SiteFacts): readonly Finding[] {
  if (row.kind === "none") return [];
  if (row.kind === "good") {
    return [{ about: "row", verdict: "ok", detail: `${row.source}: ${row.columns}` }];
  }
  return [{ about: "row", verdict: "problem", detail: `${row.source}: ${row.detail}` }];
}

function tunnelFinding({ now }: SiteFacts, eroute: ErouteView): Finding {
  const { name, state, createdAt, ikeSas, childSas, peerAddress } = eroute;
  const children = childSas.map(
    ({ localSubnets, remoteSubnets, algorithms }) =>
      `${localSubnets.join(", ")} === ${remoteSubnets.join(", ")} (${algorithms})`,
  );
  const ike = ikeSas.at(-1);
  const nat = ike === undefined || ike.nat === "none" ? "" : `, NAT: ${ike.nat}`;
  const parts = [
    `${name}: ${state}${peerAddress === "" ? "" : ` with ${ike?.remoteEndpoint ?? peerAddress}`}` +
      `, for ${ago(now - createdAt)}`,
    ...(ike === undefined ? [] : [`${ike.role}, ${ike.algorithms}${nat}`]),
    children.length === 0 ? "no Child SA" : children.join("; "),
  ];
  const verdict = childSas.length > 0 ? "ok" : "problem";
  return { about: "tunnel", verdict, detail: parts.join("; ") };
}

function trafficFindings(traffic: TrafficJudgement | undefined): readonly Finding[] {
  if (traffic === undefined) return [];
  return [{ about: "traffic", verdict: traffic.verdict, detail: traffic.detail }];
}

function callFindings({ call }: SiteFacts): readonly Finding[] {
  if (call === undefined) return [];
  const { stage, why, failures, waitMs, host } = call;
  const after = failures > 0 ? `, after ${counted(failures, "failure")}` : "";
  const at = host === undefined ? "" : ` at ${host}`;
  const detail = {
    "look-up": `its row is being read to call it (${why})`,
    resolve: `the name${at} is being resolved to call it (${why})`,
    calling: `it is being called${at} (${why})${after}`,
    waiting: `the next call is not made before ${Math.ceil(waitMs / 1000)} s have passed${after}`,
  }[stage];
  return [{ about: "call", verdict: "note", detail }];
}

function attemptFinding({ nowWallMs }: SiteFacts, attempt: Attempt): Finding {
  const { record, times, firstWallMs, outcome } = attempt;
  const when = `${ago(nowWallMs - record.wallMs)} ago`;
  const often = times > 1 ? `, ${times} times in ${ago(record.wallMs - firstWallMs)}` : "";
  const toOrFrom = record.role === "initiator" ? "to" : "from";
  const other = record.remote === undefined ? "" : ` ${toOrFrom} ${record.remote}`;
  const what = `${outcome} at ${record.step}: ${record.detail}`;
  const detail = `last attempt ${when}${often}${other}: ${what}`;
  const verdict = outcome === "connected" ? "ok" : outcome === "ended" ? "note" : "problem";
  return { about: "attempt", verdict, detail };
}

function tableFindings({ tableIsFull, eroutes }: SiteFacts): readonly Finding[] {
  if (!tableIsFull || eroutes.length > 0) return [];
  const detail = "all dynamic eroutes are in use: raise dynamic_eroutes.max";
  return [{ about: "table", verdict: "problem", detail }];
}

/** One of them may be the site: their IDs were never told. */
function strangerFindings(facts: SiteFacts, state: SiteState): readonly Finding[] {
  const { strangers, peersThere, nowWallMs } = facts;
  const there = peersThere.map((peerId): Finding => {
    return { about: "stranger", verdict: "note", detail: `${peerId} came from there last` };
  });
  if (state === "connected") return there;
  const others = strangers.slice(0, STRANGERS_MAX).map(({ record, times }): Finding => {
    const host = hostOf(record.remote) ?? "somebody";
    const often = times > 1 ? `, ${times} times` : "";
    const detail =
      `without telling its ID, ${host} failed ${ago(nowWallMs - record.wallMs)} ago${often}: ` +
      `${lower(reasonText(record.reason))}: ${record.detail}`;
    return { about: "stranger", verdict: "note", detail };
  });
  return [...there, ...others];
}

const STRANGERS_MAX = 3;

const START =
  "start erouted, or look into its log: `systemctl status erouted`; `erouted check` says what " +
  "keeps it from starting";

type Judged = {
  readonly failed: Attempt | undefined;
  readonly comparison: Comparison | undefined;
  readonly traffic: TrafficJudgement | undefined;
};

function adviceFor(facts: SiteFacts, state: SiteState, judged: Judged): readonly string[] {
  const { failed, comparison, traffic } = judged;
  const { asked, match, row, attempts } = facts;
  if (state === "connected") return traffic?.advice === undefined ? [] : [traffic.advice];
  if (state === "negotiating" || state === "calling") return [];
  if (match.kind === "none") return [adviceOf(match.reason, asked)];
  if (row.kind === "faulty") return [adviceOf(row.reason, asked)];
  if (state === "unknown") return [START];
  if (state === "never-seen") return neverSeen(facts);
  const reason = attempts[0]?.record.reason ?? "";
  if (failed !== undefined && isOfRow(reason)) {
    return ["the row is right now: the site's next attempt counts by it", ...callIt(facts)];
  }
  const aligned = comparison === undefined ? [] : alignment(comparison, erouteOf(match));
  if (aligned.length > 0) return aligned;
  return [adviceOf(reason, asked), ...(failed === undefined ? callIt(facts) : [])];
}

function erouteOf(match: MatchFacts): ErouteOfSite {
  if (match.kind !== "eroute") return undefined;
  return { name: match.eroute, isNormal: match.egroup === undefined };
}

function neverSeen(facts: SiteFacts): readonly string[] {
  const { listening, match } = facts;
  const ports = listening.filter((endpoint) => !/^(127\.|\[::1\])/.test(endpoint));
  const shown = ports.slice(0, PORTS_SHOWN_MAX).join(", ");
  const more = ports.length > PORTS_SHOWN_MAX ? `, or ${ports.length - PORTS_SHOWN_MAX} more` : "";
  const what = match.kind === "address" ? "nothing comes from there" : NOTHING_OF_IT;
  return [
    `${what}: it has to call one of ${shown || "(nothing)"}${more}`,
    "look at the address of the concentrator, the ID and the line of the site; and for firewalls " +
      "that drop UDP 500 and 4500",
    ...callIt(facts),
  ];
}

const NOTHING_OF_IT = "nothing of it reaches us, or not under this ID";
const PORTS_SHOWN_MAX = 4;

function callIt({ match, asked }: SiteFacts): readonly string[] {
  if (match.kind !== "eroute" || !match.canCall) return [];
  return [`or call it: \`erouted connect ${asked} --wait\``];
}

function adviceOf(reason: string, asked: string): string {
  const advice = reasonOf(reason)?.advice ?? "the log around it tells more";
  return advice.replaceAll("{peer}", asked);
}

function wordsOf({ record }: Attempt): string {
  return reasonOf(record.reason)?.words ?? lower(reasonText(record.reason));
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** `42 s`, `5 min`, `3 h`, `2 d`. */
function ago(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} d`;
}
