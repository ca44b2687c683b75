/** Sites with one subnet (R10): a connected site is not disturbed, unless `overlap` says so. */

import type { OverlapRule } from "../../eroute/eroute.ts";
import {
  type Claim,
  isApart,
  isForMany,
  kindOfOverlap,
  overlapRule,
  sharedText,
} from "../../eroute/shared-subnet.ts";
import type { Refusal } from "../../ike/refusal.ts";
import { formatPrefix, type Prefix, prefixRange } from "../../inet/prefix.ts";
import { subnetsOf, valuesAround, valuesAt } from "../../inet/prefix-table.ts";
import type { Reason } from "../../reason/reason.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { remoteOf } from "../../xfrm/priority.ts";
import { chosenAround, sharesPackets } from "../dataplane/chosen.ts";
import type { Installed } from "../dataplane/installed.ts";
import { isPairFree, type NamedPolicy, policiesOf, policyHolders } from "../dataplane/policies.ts";
import { subnetAround } from "../dataplane/xfrm-of-child.ts";
import { count, type Engine } from "../engine.ts";
import { journal } from "../journal/write.ts";
import type { OverlapView } from "../snapshot.ts";
import { type ErouteInUse, erouteKey } from "./eroute-in-use.ts";
import { erouteAt } from "./eroutes.ts";
import { closeSoon } from "./errands.ts";
import { factsAt } from "./ike-sas.ts";
import { orphansOf } from "./orphans.ts";
import type { Denial } from "./unanswered.ts";

/**
 * Asked before a site's key is checked: refuses it if another connected site has one of its subnets
 * and is to be kept. That site gets a liveness check, so that a dead one makes room soon.
 */
export function refuseOverlap(engine: Engine, candidate: ErouteInUse): Denial | undefined {
  const found = holderOf(engine, candidate);
  if (found === undefined) return undefined;
  count(engine, "overlaps_refused");
  for (const spi of found.holder.ikeSas) {
    if (factsAt(engine, spi) === undefined) continue;
    engine.inbox.push({ spi, event: { kind: "check-liveness" } });
  }
  const detail = refusedText(candidate, found.holder, found.subnet);
  return { reason: "subnet-in-use", detail };
}

/** What a Child SA that is about to be installed takes away from other sites. */
export type Taken = {
  /** Why it is not installed; undefined: it may be. */
  readonly refusal: Refusal | undefined;
  /** Keys of the eroutes in use whose policies it takes, or shares: told when it is up. */
  readonly from: readonly string[];
};

/** Judges the policies themselves, not the rows: sites narrow their subnets as they like. */
export function judgePolicies(
  engine: Engine,
  eroute: ErouteInUse,
  policies: readonly NamedPolicy[],
): Taken {
  const nested = nestedIn(engine, eroute, policies);
  if (nested !== undefined) return refused(engine, nested);
  const from = new Set<string>();
  let isFree = false;
  for (const one of policies) {
    const { policy } = one;
    // The three of a pair come one after another.
    if (policy.id.direction === "in") isFree = isPairFree(engine, one);
    if (isFree) continue;
    const keys = policyHolders(engine, one.name);
    if (keys.length === 0) continue;
    // A site that uses the policy already only replaces its keys.
    if (keys.some((key) => siteOf(key) === siteOf(eroute.key))) continue;
    for (const key of keys) {
      const holder = erouteAt(engine, key);
      if (holder === undefined) continue;
      const subnet = remoteOf(policy.id);
      const owns = ownLength(eroute, subnet) - ownLength(holder, subnet);
      if (owns < 0 || (owns === 0 && overlapRule(eroute.base, holder.base) === "refuse")) {
        return refused(engine, refusedText(eroute, holder, subnet));
      }
      from.add(key);
    }
  }
  return from.size === 0 ? NOTHING_TAKEN : { refusal: undefined, from: [...from] };
}

/** Shared by all Child SAs that take nothing. */
const NOTHING_TAKEN: Taken = { refusal: undefined, from: [] };

function refused(engine: Engine, detail: string): Taken {
  count(engine, "overlaps_refused");
  return { refusal: { kind: "subnet-in-use", detail }, from: [] };
}

/**
 * Sites that choose their subnets themselves: no row says whose the longer prefix is, so that one
 * inside the subnet of a connected site would only take its packets. Returns what would be taken,
 * in words.
 */
function nestedIn(
  engine: Engine,
  eroute: ErouteInUse,
  policies: readonly NamedPolicy[],
): string | undefined {
  if (!isForMany(eroute.base)) return undefined;
  let steps = 0;
  for (const { policy } of policies) {
    const { id } = policy;
    const own = remoteOf(id);
    for (const installed of id.direction === "out" ? chosenAround(engine, own) : []) {
      steps++;
      if (steps > CHOSEN_STEPS_MAX) {
        // What cannot be judged within a turn might take another site's packets.
        return eroute.base.life.overlap === "refuse" ? crowdedText(eroute, own) : undefined;
      }
      const holder = erouteAt(engine, installed.erouteKey);
      if (holder === undefined || overlapRule(eroute.base, holder.base) !== "refuse") continue;
      if (ownLength(eroute, own) > ownLength(holder, own) || !isOther(eroute, holder)) continue;
      steps += policiesOf(installed).length;
      if (sharesPackets(installed, id)) return nestedText(eroute, holder, own);
    }
  }
  return undefined;
}

/** The length of the subnet of a site that a selector is part of. */
function ownLength({ remoteSubnets }: ErouteInUse, selector: Prefix): number {
  return subnetAround(remoteSubnets, selector)?.length ?? selector.length;
}

/**
 * The Child SA is up: the site that had its subnet before is reported, and closed if that is the
 * rule.
 */
export function takeOver(engine: Engine, installed: Installed): void {
  const taker = erouteAt(engine, installed.erouteKey);
  if (taker === undefined) return;
  for (const key of installed.takesFrom) {
    const holder = erouteAt(engine, key);
    if (holder === undefined) continue;
    const rule = overlapRule(taker.base, holder.base);
    const isReplaced = rule === "replace";
    count(engine, isReplaced ? "overlaps_replaced" : "overlaps_allowed");
    if (isReplaced) closeSoon(engine, holder, "subnet-taken-over");
    const shared = sharedPrefixes(taker, holder);
    const [ofHolder, ofTaker] = isReplaced
      ? [
          `closed: ${taker.peerId} has connected with the same subnet ${shared}`,
          `takes ${shared} over from ${holder.peerId} (overlap = "replace")`,
        ]
      : [
          `${taker.peerId} has connected with the same subnet ${shared}: packets go to it now`,
          `shares ${shared} with ${holder.peerId}: packets go to this site (${whyShared(rule)})`,
        ];
    const reason = isReplaced ? "subnet-taken-over" : "subnet-shared";
    note(engine, holder, { reason, detail: ofHolder, level: "warning" });
    note(engine, taker, { reason: "subnet-shared", detail: ofTaker, level: "warning" });
  }
}

/** Under "refuse" only the longest prefix takes anything from a connected site. */
function whyShared(rule: OverlapRule): string {
  return rule === "allow" ? 'overlap = "allow"' : "its subnet has the longer prefix";
}

/** Reports that a site has connected whose subnet lies inside that of another site. */
export function noteNesting(engine: Engine, eroute: ErouteInUse): void {
  for (const own of eroute.remoteSubnets) {
    for (const { subnet: other, values } of valuesAround(engine.sites.reach, own)) {
      if (other.length === own.length) continue;
      const outer = othersAmong(engine, eroute, values)[0];
      if (outer === undefined) continue;
      const detail = sharedText({ kind: "inside", own, other }, outer.peerId);
      note(engine, eroute, { reason: "subnet-nested", detail, level: "info" });
      return;
    }
  }
}

/** Connected sites that have addresses of this one's, the same subnets first; not all of many. */
export function overlapsOf(engine: Engine, peerId: string, claim: Claim): readonly OverlapView[] {
  const own = { ...claim, key: erouteKey("", peerId) };
  const found = new Map<string, OverlapView>();
  const add = (view: OverlapView) => {
    if (found.size < OVERLAPS_MAX && !found.has(view.peerId)) found.set(view.peerId, view);
  };
  for (const subnet of claim.remoteSubnets) {
    for (const { subnet: other, values } of valuesAround(engine.sites.reach, subnet)) {
      const kind = kindOfOverlap(subnet, other) ?? "same";
      for (const holder of othersAmong(engine, own, values)) {
        const rule = overlapRule(claim.base, holder.base);
        add({ kind, own: subnet, other, peerId: holder.peerId, rule, isConnected: true });
      }
    }
  }
  for (const view of insideOf(engine, own)) {
    if (found.size >= OVERLAPS_MAX) break;
    add(view);
  }
  const order = { same: 0, inside: 1, around: 2 };
  return [...found.values()].sort((a, b) => order[a.kind] - order[b.kind]);
}

/**
 * Where sites choose their subnets: other Child SAs that one is compared with, and their policies,
 * some two milliseconds.
 */
const CHOSEN_STEPS_MAX = 20_000;

const OVERLAPS_MAX = 8;
/** Subnets that are compared for one answer: a millisecond or two. */
const COMPARED_MAX = 40_000;

/** Narrower subnets of other sites: only these have to be searched one by one. */
function* insideOf(engine: Engine, own: Claim & { readonly key: string }): Generator<OverlapView> {
  const ranges = own.remoteSubnets.map((subnet) => ({ subnet, ...prefixRange(subnet) }));
  let compared = 0;
  for (const found of subnetsOf(engine.sites.reach)) {
    const { subnet: other } = found;
    for (const { subnet, family, first, last } of ranges) {
      if (++compared > COMPARED_MAX) return;
      if (other.family !== family || other.length <= subnet.length) continue;
      if (other.value < first || other.value > last) continue;
      for (const { base, peerId } of othersAmong(engine, own, found.values)) {
        const rule = overlapRule(own.base, base);
        yield { kind: "around", own: subnet, other, peerId, rule, isConnected: true };
      }
    }
  }
}

type Holder = { readonly holder: ErouteInUse; readonly subnet: Prefix };

/** Another site that has one of its subnets and is to be kept. */
function holderOf(engine: Engine, candidate: ErouteInUse): Holder | undefined {
  // A site of a pattern without rows uses a part of the eroute's subnet: its policies decide.
  if (isForMany(candidate.base)) return undefined;
  for (const subnet of candidate.remoteSubnets) {
    for (const holder of othersAmong(engine, candidate, valuesAt(engine.sites.reach, subnet))) {
      if (isForMany(holder.base) || !carries(engine, holder)) continue;
      if (overlapRule(candidate.base, holder.base) === "refuse") return { holder, subnet };
    }
  }
  return undefined;
}

/** Whether it has a Child SA: a site without one does not keep others out. */
function carries(engine: Engine, eroute: ErouteInUse): boolean {
  const hasChildren = (spi: IkeSpi) => (factsAt(engine, spi)?.children.length ?? 0) > 0;
  return eroute.ikeSas.some(hasChildren) || orphansOf(engine, eroute).length > 0;
}

type Own = Claim & { readonly key: string };

function othersAmong(engine: Engine, own: Own, keys: readonly string[]): readonly ErouteInUse[] {
  return keys.flatMap((key) => {
    const eroute = erouteAt(engine, key);
    return eroute !== undefined && isOther(own, eroute) ? [eroute] : [];
  });
}

/** Another site, and nothing else that would tell the packets of both apart. */
function isOther(own: Own, eroute: ErouteInUse): boolean {
  return siteOf(eroute.key) !== siteOf(own.key) && !isApart(own, eroute);
}

/** The peer ID in the key of an eroute in use: under two eroutes it is still one site. */
function siteOf(key: string): string {
  return key.slice(key.indexOf("\u0000") + 1);
}

function sharedPrefixes(a: ErouteInUse, b: ErouteInUse): string {
  const texts = new Set(b.remoteSubnets.map(formatPrefix));
  const both = a.remoteSubnets.map(formatPrefix).filter((text) => texts.has(text));
  return (both.length > 0 ? both : a.remoteSubnets.map(formatPrefix)).join(", ");
}

function refusedText(own: ErouteInUse, holder: ErouteInUse, subnet: Prefix): string {
  const shared = sharedText({ kind: "same", own: subnet, other: subnet }, holder.peerId);
  return `${own.peerId} ${shared}, which is connected: give each its own, or set overlap`;
}

function crowdedText(own: ErouteInUse, subnet: Prefix): string {
  return `${own.peerId} asks for ${formatPrefix(subnet)}, which too many connected sites share`;
}

function nestedText(own: ErouteInUse, holder: ErouteInUse, subnet: Prefix): string {
  const asked = `${own.peerId} asks for ${formatPrefix(subnet)}, packets to which go to`;
  return `${asked} ${holder.peerId}, which is connected: give each its own, or set overlap`;
}

function note(
  engine: Engine,
  { peerId, name }: ErouteInUse,
  entry: { readonly reason: Reason; readonly detail: string; readonly level: "info" | "warning" },
): void {
  journal(engine, undefined, { step: "row", outcome: "note", ...entry, peerId, eroute: name });
}
