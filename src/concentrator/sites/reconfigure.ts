/** A new configuration while sites are connected: what it does not change stays up. */

import { matchConfigured } from "../../eroute/configured-match.ts";
import {
  type Egroup,
  type EngineLimits,
  type Eroute,
  type EroutePlan,
  type LocalUser,
  usesPsk,
} from "../../eroute/eroute.ts";
import {
  type ErouteChange,
  equalValues,
  erouteChange,
  sameSubnets,
} from "../../eroute/eroute-change.ts";
import { peerKey } from "../../eroute/peer-id.ts";
import { isPpkRequired } from "../../eroute/ppk.ts";
import { childWith } from "../../eroute/row-options.ts";
import { containsPrefix } from "../../inet/prefix.ts";
import { equalConstantTime } from "../../octets/secret.ts";
import { callsNow, forgetAllRefusals, giveUp, noteFailure } from "../calls/call-table.ts";
import type { CallUnderWay } from "../calls/calls.ts";
import { type Engine, inMs } from "../engine.ts";
import { journal } from "../journal/write.ts";
import { offer, offerOf } from "../negotiation/offer.ts";
import type { ErouteInUse } from "./eroute-in-use.ts";
import { closeSoon, tellTermsSoon } from "./errands.ts";
import { forgetUnknownIds, refuseLookUp } from "./look-up.ts";
import { recheckRow } from "./row-change.ts";
import { runErrands } from "./run-errands.ts";

/**
 * Takes over the new configuration. Eroutes in use whose configuration has not changed stay as they
 * are. If the change concerns only later exchanges, they stay up: new proposals count from the next
 * rekey, lifetimes and kernel options from the next Child SA, liveness checks and the rest at once.
 * Sites that would get other SAs now are closed, in portions.
 */
export function reconfigure(engine: Engine, plan: EroutePlan): void {
  const comparison = compare(engine.plan, plan);
  engine.plan = plan;
  engine.sites.sharedTerms = new WeakMap();
  offer(engine, offerOf(plan));
  const evictAt = inMs(engine, plan.limits.evictEveryMs);
  if (evictAt < engine.sites.evictAt) engine.sites.evictAt = evictAt;
  // Another table may have their rows.
  forgetUnknownIds(engine);
  engine.sites.worked.clear();
  adjustLookUps(engine, comparison);
  adjustCalls(engine, comparison);
  const tally: Tally = { kept: 0, later: new Map(), closed: new Map() };
  for (const eroute of erouteObjects(engine)) adjust(engine, eroute, comparison, tally);
  noteTally(engine, tally);
  runErrands(engine);
}

/** Two plans compared: what is the same for all sites is found out once. */
export type Comparison = {
  readonly plan: EroutePlan;
  readonly eroutes: ReadonlyMap<string, Eroute>;
  /** Whether the limits that each IKE SA uses are the same. */
  readonly sameLimits: boolean;
  /** Whether each ID belongs to the same eroute as before. */
  readonly samePatterns: boolean;
  /** Keys of local users whose password or PPK has changed, or who were removed. */
  readonly changedUsers: ReadonlySet<string>;
  /** Egroups that make other subnets of the same rows. */
  readonly changedEgroups: ReadonlySet<string>;
  readonly changes: Map<Eroute, ErouteChange>;
};

/** `of` is the reason without the name of the site: the same for all sites that it concerns. */
export type Verdict =
  | { readonly kind: "close"; readonly detail: string; readonly of: string }
  | { readonly kind: "keep"; readonly next: Eroute; readonly later: readonly string[] };

/** How many stay, how many take new values later, and how many are closed, by reason. */
type Tally = {
  kept: number;
  readonly later: Map<string, number>;
  readonly closed: Map<string, number>;
};

/** Compares two plans; changes nothing. */
export function compare(before: EroutePlan, after: EroutePlan): Comparison {
  return {
    plan: after,
    eroutes: new Map(after.eroutes.map((eroute) => [eroute.name, eroute])),
    sameLimits: equalValues(limitsOfSas(before.limits), limitsOfSas(after.limits)),
    samePatterns: equalValues(before.eroutes.map(matching), after.eroutes.map(matching)),
    changedUsers: changedUsers(before, after),
    changedEgroups: changedEgroups(before.egroups, after.egroups),
    changes: new Map(),
  };
}

function limitsOfSas({ natKeepaliveMs, retransmission }: EngineLimits) {
  return { natKeepaliveMs, retransmission };
}

function matching(eroute: Eroute) {
  return [eroute.name, eroute.kind, eroute.peerid.text];
}

function changedUsers(before: EroutePlan, after: EroutePlan): ReadonlySet<string> {
  const now = new Map(after.users.map((user) => [peerKey(user.name), user]));
  const changed = before.users.filter((user) => {
    const same = now.get(peerKey(user.name));
    return same === undefined || !equalConstantTime(same.psk, user.psk) || !samePpk(same, user);
  });
  return new Set(changed.map((user) => peerKey(user.name)));
}

function samePpk({ ppk: a }: LocalUser, { ppk: b }: LocalUser): boolean {
  if (a === undefined || b === undefined) return a === b;
  return equalConstantTime(a.id, b.id) && equalConstantTime(a.key, b.key);
}

function changedEgroups(before: readonly Egroup[], after: readonly Egroup[]): ReadonlySet<string> {
  const now = new Map(after.map((egroup) => [egroup.name, egroup]));
  const changed = before.filter((egroup) => !equalValues(egroup, now.get(egroup.name)));
  return new Set(changed.map((egroup) => egroup.name));
}

/** All eroutes in use, also those from which only an older IKE SA was made. */
function erouteObjects(engine: Engine): ReadonlySet<ErouteInUse> {
  const objects = new Set(engine.sites.eroutes.values());
  for (const { eroute } of engine.sites.ikeSas.values()) {
    if (eroute !== undefined) objects.add(eroute);
  }
  return objects;
}

function adjust(engine: Engine, eroute: ErouteInUse, comparison: Comparison, tally: Tally): void {
  const verdict = verdictOn(eroute, comparison);
  const inUse = engine.sites.eroutes.get(eroute.key) === eroute;
  if (verdict.kind === "close") {
    closeSoon(engine, eroute, "reconfigured");
    if (!inUse) return;
    addTo(tally.closed, verdict.of);
    journal(engine, undefined, {
      level: "info",
      step: "configuration",
      outcome: "note",
      reason: "reconfigured",
      peerId: eroute.peerId,
      eroute: eroute.name,
      detail: `closed by the new configuration: ${verdict.detail}`,
    });
    return;
  }
  useConfiguration(eroute, verdict.next);
  if (verdict.later.length > 0 || !comparison.sameLimits) tellTermsSoon(engine, eroute);
  if (inUse && eroute.base.kind === "base" && comparison.changedEgroups.has(eroute.base.egroup)) {
    recheckRow(engine, eroute);
  }
  if (!inUse) return;
  if (verdict.later.length === 0) tally.kept++;
  else addTo(tally.later, `${verdict.later.join(", ")} of eroute ${verdict.next.name}`);
}

function useConfiguration(eroute: ErouteInUse, next: Eroute): void {
  eroute.base = next;
  eroute.child = childWith(next.child, eroute.own);
}

/** What the new configuration means for one eroute in use. */
export function verdictOn(eroute: ErouteInUse, comparison: Comparison): Verdict {
  const { base: before, peerId } = eroute;
  const next = erouteFor(eroute, comparison);
  if (next === undefined) {
    return close(`no eroute is for ${peerId} any more`, "no eroute is for them any more");
  }
  if (next.name !== before.name) {
    const to = `to eroute ${next.name} now`;
    return close(`${peerId} belongs ${to}`, `they belong ${to}`);
  }
  const isOtherKey = usesPsk(next.auth) && comparison.changedUsers.has(peerKey(peerId));
  if (next.kind === "normal" && isOtherKey) {
    const of = "the password or PPK of their user has changed";
    return close(`the password or PPK of user ${peerId} has changed`, of);
  }
  const { name } = next;
  if (!accepts(next, eroute.proof))
    return close(`eroute ${name} no longer accepts how it authenticated`);
  const change = changeOf(comparison, before, next);
  const lacksPpk = !eroute.usesPpk && isPpkRequired(next.ppk, eroute.hasPpk);
  if (next.ppk !== before.ppk && lacksPpk) return close(`ppk of eroute ${name}`);
  // A row that names an interface, or our ID, has the last word on it.
  const hasOwn = (key: string) => key === "if_id" && eroute.own.ifId !== undefined;
  const renewing = change.renewing.filter((key) => !hasOwn(key));
  if (renewing.length > 0) return close(`${renewing.join(", ")} of eroute ${name}`);
  if (change.ourid && eroute.ourid === before.ourid) return close(`ourid of eroute ${name}`);
  if (change.remoteSubnets && !fits(eroute, next)) return close(`remote_subnet of eroute ${name}`);
  return { kind: "keep", next, later: change.later };
}

/** Whether a site could still connect with what it has proved itself with. */
function accepts({ auth }: Eroute, proof: ErouteInUse["proof"]): boolean {
  if (proof === undefined) return true;
  if (proof.kind === "psk") return auth.peer.kind !== "certificate";
  return auth.peer.kind !== "psk" && auth.peer.anchors.ids.includes(proof.holder.anchor);
}

function close(detail: string, of = detail): Verdict {
  return { kind: "close", detail, of };
}

function erouteFor(eroute: ErouteInUse, comparison: Comparison): Eroute | undefined {
  if (comparison.samePatterns) return comparison.eroutes.get(eroute.base.name);
  const match = matchConfigured(comparison.plan, eroute.peerId);
  return match.kind === "refused" ? undefined : match.eroute;
}

function changeOf(comparison: Comparison, before: Eroute, next: Eroute): ErouteChange {
  let change = comparison.changes.get(before);
  if (change === undefined) {
    change = erouteChange(before, next);
    comparison.changes.set(before, change);
  }
  return change;
}

/** R10: a site keeps its subnet as long as the base eroute covers it. */
function fits(eroute: ErouteInUse, next: Eroute): boolean {
  if (next.kind === "normal") return sameSubnets(eroute.remoteSubnets, next.remoteSubnets);
  return eroute.remoteSubnets.every((own) =>
    next.remoteSubnets.some((whole) => containsPrefix(whole, own)),
  );
}

/** Calls continue with the new configuration, or end: sites still wanted are called again. */
function adjustCalls(engine: Engine, comparison: Comparison): void {
  forgetAllRefusals(engine);
  for (const call of callsNow(engine)) {
    const { stage, base } = call;
    const next = nextBase(call, comparison);
    if (next !== undefined) {
      call.base = next;
      if ("target" in stage) useConfiguration(stage.target.eroute, next);
      continue;
    }
    if (!giveUp(engine, call, "reconfigured")) continue;
    const about = { peerId: call.peerId, eroute: base.name };
    const detail = "the configuration changed while the site was being called";
    noteFailure(engine, about, { reason: "reconfigured", detail });
  }
}

/**
 * The eroute that a call continues with; undefined if the call has no use any more, or another end.
 */
function nextBase({ stage, base }: CallUnderWay, comparison: Comparison): Eroute | undefined {
  // Whatever has failed may work now.
  if (stage.kind === "waiting") return undefined;
  if ("target" in stage) {
    const verdict = verdictOn(stage.target.eroute, comparison);
    if (verdict.kind === "close") return undefined;
    return verdict.later.some((key) => OF_CALLS.has(key)) ? undefined : verdict.next;
  }
  const next = comparison.eroutes.get(base.name);
  const isSame = next?.kind === "base" && base.kind === "base" && next.egroup === base.egroup;
  return isSame ? next : undefined;
}

/** What a call under way cannot change any more. */
const OF_CALLS: ReadonlySet<string> = new Set([
  ...["peerip", "bakpeerip"],
  ...["certificate_file", "peer_auth"],
]);

/**
 * Rows that are being read are joined with the new base eroute; those of another table are refused.
 */
function adjustLookUps(engine: Engine, { plan }: Comparison): void {
  for (const [lookup, waiting] of engine.requests.of("identity")) {
    const match = matchConfigured(plan, waiting.peerId);
    if (match.kind === "base" && match.eroute.egroup === waiting.base.egroup) {
      engine.requests.replace(lookup, { ...waiting, base: match.eroute });
      continue;
    }
    const detail = `the configuration changed while the row of ${waiting.peerId} was being read`;
    refuseLookUp(engine, lookup, { reason: "reconfigured", detail });
  }
}

function addTo(counts: Map<string, number>, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}

/** Reasons that are named in one journal entry; each site's own entry has all of them. */
const REASONS_MAX = 5;

function noteTally(engine: Engine, { kept, later, closed }: Tally): void {
  const parts = [
    `${kept} eroutes in use stay as they are`,
    ...counted(later, "take new values when they next negotiate"),
    ...counted(closed, "are closed"),
  ];
  journal(engine, undefined, {
    level: "info",
    step: "configuration",
    outcome: "ok",
    reason: "configuration-applied",
    detail: parts.join("; "),
  });
}

function counted(counts: ReadonlyMap<string, number>, what: string): readonly string[] {
  if (counts.size === 0) return [];
  const sum = [...counts.values()].reduce((all, one) => all + one, 0);
  const reasons = [...counts.keys()].slice(0, REASONS_MAX).join(", ");
  return [`${sum} ${what} (${reasons}${counts.size > REASONS_MAX ? ", …" : ""})`];
}
