/**
 * Two sites with one subnet (R10): whether the kernel can tell their packets apart, and what
 * happens if not.
 */

import { containsPrefix, formatPrefix, type Prefix } from "../inet/prefix.ts";
import type { ChildOptions, Eroute, OverlapRule } from "./eroute.ts";
import { isWild } from "./pattern.ts";

/** What a site has, or would have if it were connected. */
export type Claim = {
  readonly base: Eroute;
  readonly localSubnets: readonly Prefix[];
  readonly remoteSubnets: readonly Prefix[];
  readonly child: Pick<ChildOptions, "ifId" | "mark">;
};

/** How a subnet of one site relates to one of another. If they nest, the longest prefix wins. */
export type SharedSubnet = {
  readonly kind: "same" | "inside" | "around";
  readonly own: Prefix;
  readonly other: Prefix;
};

/** Another interface, mark, protocol, port or subnet of ours distinguishes their packets. */
export function isApart(a: Claim, b: Claim): boolean {
  if (a.child.ifId !== b.child.ifId) return true;
  if (marksDiffer(a.child.mark, b.child.mark)) return true;
  const [x, y] = [a.base.traffic, b.base.traffic];
  if (x.protocol !== 0 && y.protocol !== 0 && x.protocol !== y.protocol) return true;
  if (differ(x.localPort, y.localPort) || differ(x.remotePort, y.remotePort)) return true;
  if (a.localSubnets === b.localSubnets) return false;
  return !a.localSubnets.some((left) => b.localSubnets.some((right) => touches(left, right)));
}

/** Whether many sites, which have no rows, share its remote subnet: each chooses a part of it. */
export function isForMany(base: Eroute): boolean {
  return base.kind === "normal" && isWild(base.peerid);
}

/** What happens when they meet: the more protective of the two eroutes decides. */
export function overlapRule(a: Eroute, b: Eroute): OverlapRule {
  const rules = [a.life.overlap, b.life.overlap];
  if (rules.includes("refuse")) return "refuse";
  return rules.includes("allow") ? "allow" : "replace";
}

/** How `other` relates to `own`; undefined if they have no address in common. */
export function kindOfOverlap(own: Prefix, other: Prefix): SharedSubnet["kind"] | undefined {
  if (!touches(own, other)) return undefined;
  if (own.length === other.length) return "same";
  return own.length > other.length ? "inside" : "around";
}

/** What two sites have in common, the most serious first; undefined if nothing. */
export function sharedSubnet(own: Claim, other: Claim): SharedSubnet | undefined {
  let found: SharedSubnet | undefined;
  for (const a of own.remoteSubnets) {
    for (const b of other.remoteSubnets) {
      const kind = kindOfOverlap(a, b);
      if (kind === undefined) continue;
      if (kind === "same") return isApart(own, other) ? undefined : { kind, own: a, other: b };
      found ??= { kind, own: a, other: b };
    }
  }
  return found === undefined || isApart(own, other) ? undefined : found;
}

/** In words that follow the name of one site; `name` is the other one's. */
export function sharedText({ kind, own, other }: SharedSubnet, name: string): string {
  const [mine, theirs] = [formatPrefix(own), formatPrefix(other)];
  if (kind === "same") return `has the subnet ${mine}, and so has ${name}`;
  if (kind === "inside") {
    return `has ${mine} inside ${theirs} of ${name}: packets to ${mine} go to this site`;
  }
  return `has ${mine} around ${theirs} of ${name}: packets to ${theirs} go to that site`;
}

/** What each rule of {@link overlapRule} does with two sites that have the same subnet. */
export const RULE_WORDS: Readonly<Record<OverlapRule, string>> = {
  refuse: 'overlap = "refuse" lets only the first of them connect',
  replace: 'overlap = "replace" lets the newer one replace the other',
  allow: 'overlap = "allow" lets both connect, and packets go to the newer one',
};

/** Whether they have an address in common. */
export function touches(a: Prefix, b: Prefix): boolean {
  return a.length <= b.length ? containsPrefix(a, b) : containsPrefix(b, a);
}

function differ(a: number | undefined, b: number | undefined): boolean {
  return a !== undefined && b !== undefined && a !== b;
}

function marksDiffer(a: ChildOptions["mark"], b: ChildOptions["mark"]): boolean {
  if (a === undefined || b === undefined) return false;
  return ((a.value ^ b.value) & a.mask & b.mask) !== 0;
}
