/** Why a site is or is not connected: what is known of it, put into words. Pure. */

import type { CertificateView, ErouteView } from "../concentrator/snapshot.ts";
import { formatTime } from "../crypto/x509/time.ts";
import { agreement } from "../eroute/nearest.ts";
import { never } from "../octets/assert.ts";
import type { Reason } from "../reason/reason.ts";
import { adviceFor } from "./advice.ts";
import { type Attempt, hostOf } from "./attempt.ts";
import { causeOf } from "./cause.ts";
import { type Comparison, compare } from "./compare.ts";
import { overlapFindings } from "./explain-overlap.ts";
import { removalFindings } from "./explain-removals.ts";
import { judgeTraffic, type TrafficJudgement } from "./explain-traffic.ts";
import type { Finding } from "./finding.ts";
import { followsFrom, REASONS, reasonText } from "./reason.ts";
import type { MatchFacts, RowFacts, SiteFacts, SiteState } from "./site-facts.ts";
import { ago } from "./words.ts";

export type Explanation = {
  readonly state: SiteState;
  /** One sentence. */
  readonly summary: string;
  readonly findings: readonly Finding[];
  /** Both sides, where they have nothing in common. */
  readonly comparison: Comparison | undefined;
  /** What to do, the most important first. Empty if nothing is to be done. */
  readonly advice: readonly string[];
};

/** Puts the facts into words. */
export function explain(facts: SiteFacts): Explanation {
  const state = stateOf(facts);
  const cause = causeOf(facts.attempts);
  const failed = currentFailure(cause, state);
  const traffic = judgeTraffic(facts.eroutes, facts.traffic, facts.now);
  const comparison = failed === undefined ? undefined : compare(failed.record);
  return {
    state,
    summary: summaryOf(facts, state, cause),
    findings: [
      ...erouteFindings(facts),
      ...rowFindings(facts),
      ...overlapFindings(facts),
      ...facts.eroutes.map((eroute) => tunnelFinding(facts, eroute)),
      ...trafficFindings(traffic),
      ...removalFindings(facts),
      ...callFindings(facts),
      ...attemptFindings(facts, cause),
      ...leftOutFindings(facts, state),
      ...tableFindings(facts),
      ...redirectFindings(facts),
      ...strangerFindings(facts, state),
    ],
    comparison,
    advice: adviceFor(facts, state, { cause, failed, comparison, traffic }),
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
  const last = causeOf(attempts);
  if (last === undefined) return "never-seen";
  return last.outcome === "ended" || last.outcome === "connected" ? "ended" : "failed";
}

/**
 * The attempt that shows why the site is not connected now; a failure that has been cured does not.
 */
function currentFailure(cause: Attempt | undefined, state: SiteState): Attempt | undefined {
  if (state === "connected" || cause === undefined) return undefined;
  return cause.outcome === "failed" || cause.outcome === "refused" ? cause : undefined;
}

function summaryOf(facts: SiteFacts, state: SiteState, last: Attempt | undefined): string {
  const { asked, match, row, eroutes } = facts;
  const why = last === undefined ? "" : wordsOf(last);
  switch (state) {
    case "connected": {
      const [eroute] = eroutes;
      const since = eroute === undefined ? "" : `, for ${ago(facts.now - eroute.createdAt)}`;
      return `${asked} is connected, from ${eroute?.peerAddress ?? "?"}${since}`;
    }
    case "incomplete":
      return `${asked} has an IKE SA but no Child SA: ${whyIncomplete(last)}`;
    case "negotiating":
      return `${asked} is connecting just now`;
    case "calling":
      return `${asked} is being called just now`;
    case "blocked": {
      const reason = blockedBy(match, row);
      return `${asked} cannot connect${reason === undefined ? "" : `: ${REASONS[reason].words}`}`;
    }
    case "failed":
      if (match.kind === "address") return `no site that called from ${asked} got in: ${why}`;
      return `${asked} is not connected: ${why}`;
    case "ended":
      return `${asked} is not connected any more: ${why}`;
    case "never-seen":
      if (match.kind === "address") return addressText(facts);
      return `${asked} is not connected: it has not been heard of since erouted started`;
    case "unknown":
      return `whether ${asked} is connected cannot be told: no answer from erouted`;
    default:
      return never(state);
  }
}

/** What in the configuration or the table keeps it out now. */
function blockedBy(match: MatchFacts, row: RowFacts): Reason | undefined {
  if (match.kind === "none") return match.reason;
  return row.kind === "faulty" ? row.reason : undefined;
}

/** The last attempt says so only if it brought none. */
function whyIncomplete(last: Attempt | undefined): string {
  if (last === undefined || last.outcome === "connected") return "no packet passes";
  return wordsOf(last);
}

/** For an address from which no attempt ended before its ID was known. */
function addressText({ asked, peersThere }: SiteFacts): string {
  if (peersThere.length === 0) return `nothing has come from ${asked} since erouted started`;
  const who = peersThere.length === 1 ? "a site" : "sites";
  return `${asked} is the address of ${who} that came from there`;
}

function erouteFindings({ match, asked }: SiteFacts): readonly Finding[] {
  if (match.kind === "address") return [];
  if (match.kind === "eroute") {
    const kind = match.egroup === undefined ? "normal eroute" : "base eroute";
    const egroup = match.egroup === undefined ? "" : `, egroup ${match.egroup}`;
    const detail = `${kind} ${match.eroute} matches it by peerid "${match.pattern}"${egroup}`;
    return [{ about: "eroute", verdict: "ok", detail }];
  }
  const blanks = asked !== asked.trim() ? "; it has blanks around it" : "";
  const detail = `${reasonText(match.reason)}: ${nearText(asked, match)}${blanks}`;
  return [{ about: "eroute", verdict: "problem", detail }];
}

/** The nearest pattern, and where the ID departs from it. */
function nearText(asked: string, match: Extract<MatchFacts, { kind: "none" }>): string {
  const { reason, closest } = match;
  if (closest === undefined) return "no pattern is near";
  const near = `the nearest is "${closest}"`;
  if (reason === "eroute-without-user") return near;
  const agreed = agreement(closest, asked);
  const rest = [...asked].slice(agreed).join("");
  if (rest === "") return `${near}, whose end it lacks`;
  return `${near}, which it leaves at "${rest}" (character ${agreed + 1})`;
}

function rowFindings({ row }: SiteFacts): readonly Finding[] {
  if (row.kind === "none") return [];
  if (row.kind === "good") {
    return [{ about: "row", verdict: "ok", detail: `${row.source}: ${row.columns}` }];
  }
  // The text of a database may already begin with its place.
  const place = row.detail.startsWith(row.source) ? "" : `${row.source}: `;
  return [{ about: "row", verdict: "problem", detail: `${place}${row.detail}` }];
}

function tunnelFinding({ now }: SiteFacts, eroute: ErouteView): Finding {
  const { name, state, createdAt, ikeSas, childSas, peerAddress, certificate } = eroute;
  const children = childSas.map(
    ({ localSubnets, remoteSubnets, algorithms }) =>
      `${localSubnets.join(", ")} === ${remoteSubnets.join(", ")} (${algorithms})`,
  );
  const ike = ikeSas.at(-1);
  const nat = ike === undefined || ike.nat === "none" ? "" : `, NAT: ${ike.nat}`;
  const parts = [
    `${name}: ${state}${peerAddress === "" ? "" : ` with ${ike?.remoteEndpoint ?? peerAddress}`}` +
      `, for ${ago(now - createdAt)}`,
    ...(ike === undefined
      ? []
      : [`${ike.role}, ${ike.algorithms}${ike.ppk ? ", with a PPK" : ""}${nat}`]),
    ...(certificate === undefined ? [] : [certificateText(certificate)]),
    children.length === 0 ? "no Child SA" : children.join("; "),
  ];
  const verdict = childSas.length > 0 ? "ok" : "problem";
  return { about: "tunnel", verdict, detail: parts.join("; ") };
}

function certificateText({ subject, notAfterMs }: CertificateView): string {
  return `certificate of ${subject}, valid until ${formatTime(notAfterMs)}`;
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

/** The attempt that shows why, and what came after it. */
function attemptFindings(facts: SiteFacts, cause: Attempt | undefined): readonly Finding[] {
  const [last] = facts.attempts;
  const shown = last === cause ? [last] : [cause, last];
  return shown.flatMap((attempt) => (attempt === undefined ? [] : attemptFinding(facts, attempt)));
}

function attemptFinding({ nowWallMs }: SiteFacts, attempt: Attempt): Finding {
  const { record, times, firstWallMs, outcome } = attempt;
  const when = `${ago(nowWallMs - record.wallMs)} ago`;
  const often = times > 1 ? `, ${times} times in ${ago(record.wallMs - firstWallMs)}` : "";
  const toOrFrom = record.role === "initiator" ? "to" : "from";
  const other = record.remote === undefined ? "" : ` ${toOrFrom} ${record.remote}`;
  const { step, detail: text } = record;
  const detail =
    outcome === "ended"
      ? `ended ${when}${often}${other}: ${text}`
      : `last attempt ${when}${often}${other}: ${outcome} at ${step}: ${text}`;
  const verdict = outcome === "connected" ? "ok" : outcome === "ended" ? "note" : "problem";
  return { about: "attempt", verdict, detail };
}

/** It is connected, but not with all of its subnets: no attempt has failed. */
function leftOutFindings(facts: SiteFacts, state: SiteState): readonly Finding[] {
  const { attempts, eroutes, now, nowWallMs } = facts;
  if (state !== "connected") return [];
  const connectedMs = Math.max(...eroutes.map(({ createdAt }) => now - createdAt));
  const leftOut = attempts.find(
    ({ record: { reason, wallMs } }) =>
      followsFrom(reason) === "connected-in-part" &&
      nowWallMs - wallMs <= connectedMs + NEGOTIATION_MS,
  );
  if (leftOut === undefined) return [];
  const { reason, detail } = leftOut.record;
  const text = `${detail}: ${REASONS[reason].advice}`;
  return [{ about: "tunnel", verdict: "problem", detail: text }];
}

/** The subnets are known a moment before the eroute counts as in use, or after. */
const NEGOTIATION_MS = 5_000;

function tableFindings({ tableIsFull, eroutes }: SiteFacts): readonly Finding[] {
  if (!tableIsFull || eroutes.length > 0) return [];
  const detail = "all dynamic eroutes are in use: raise dynamic_eroutes.max";
  return [{ about: "table", verdict: "problem", detail }];
}

/** Whether sites are redirected, and whether this one can be. */
function redirectFindings({ redirectedTo: to, eroutes }: SiteFacts): readonly Finding[] {
  if (to === undefined) return [];
  const ikeSas = eroutes.flatMap((eroute) => eroute.ikeSas);
  const stays = ikeSas.length > 0 && !ikeSas.some(({ redirectable }) => redirectable);
  const detail = stays
    ? `sites are sent to ${to}, but it has not said that it can be sent (RFC 5685)`
    : `sites that call and can be sent (RFC 5685) are sent to ${to}`;
  return [{ about: "eroute", verdict: "note", detail }];
}

/** One of them may be the site: their IDs are not known. */
function strangerFindings(facts: SiteFacts, state: SiteState): readonly Finding[] {
  const { strangers, peersThere, nowWallMs, attempts } = facts;
  const there: readonly Finding[] =
    peersThere.length === 0
      ? []
      : [
          {
            about: "stranger",
            verdict: "note",
            detail: `from there came ${peersThere.join(", ")}`,
          },
        ];
  if (state === "connected") return there;
  // Once its ID is known, only later attempts can be its own.
  const sinceMs = attempts[0]?.record.wallMs ?? 0;
  const later = strangers.filter(({ record }) => record.wallMs > sinceMs);
  const others = later.slice(0, STRANGERS_MAX).map(({ record, times, outcome }): Finding => {
    const host = hostOf(record.remote) ?? "somebody";
    const often = times > 1 ? `, ${times} times` : "";
    const detail =
      `without sending its ID, ${host} ${outcome === "ended" ? "left" : "failed"} ` +
      `${ago(nowWallMs - record.wallMs)} ago${often}: ` +
      `${REASONS[record.reason].words}: ${record.detail}`;
    return { about: "stranger", verdict: "note", detail };
  });
  return [...there, ...others];
}

const STRANGERS_MAX = 3;

function wordsOf({ record }: Attempt): string {
  return REASONS[record.reason].words;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
