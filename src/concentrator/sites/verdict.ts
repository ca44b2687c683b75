/** Two plans compared, and what the newer one means for an eroute in use: changes nothing. */

import { matchConfigured } from "../../eroute/configured-match.ts";
import {
  allowsVersion,
  type Egroup,
  type EngineLimits,
  type Eroute,
  type EroutePlan,
  type IkeMajor,
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
import { suitesWith } from "../../eroute/row-options.ts";
import { containsPrefix } from "../../inet/prefix.ts";
import { equalConstantTime } from "../../octets/secret.ts";
import type { ErouteInUse } from "./eroute-in-use.ts";

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

/** What the new configuration means for one eroute in use, whose IKE SAs have these versions. */
export function verdictOn(
  eroute: ErouteInUse,
  comparison: Comparison,
  versions: readonly IkeMajor[] = [],
): Verdict {
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
  if (!versions.every((major) => allowsVersion(next, major)))
    return close(`ike_version of eroute ${name}`);
  const change = changeOf(comparison, before, next);
  const lacksPpk = !eroute.usesPpk && isPpkRequired(next.ppk, eroute.hasPpk);
  if (next.ppk !== before.ppk && lacksPpk) return close(`ppk of eroute ${name}`);
  if (suitesWith(next.ike, eroute.own).length === 0 && next.ike.length > 0) {
    return close(`ike of eroute ${name} has no ML-KEM, which its row demands`);
  }
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
