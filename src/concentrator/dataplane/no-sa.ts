/** What happens to packets without an SA: traps, blocks and exceptions in the kernel (R12, R14). */

import type { DefaultEroute, Eroute, EroutePlan } from "../../eroute/eroute.ts";
import type { Family } from "../../inet/address.ts";
import { LOOPBACK } from "../../inet/loopback.ts";
import { onePort } from "../../inet/port-block.ts";
import { containsPrefix, type Prefix } from "../../inet/prefix.ts";
import type { XfrmDirection, XfrmPolicy } from "../../xfrm/policy.ts";
import { selectorPriority, unprotectedPriority } from "../../xfrm/priority.ts";
import { formatPolicyId, TRAP_REQID } from "../../xfrm/request.ts";
import type { XfrmSelector } from "../../xfrm/selector.ts";

/** All policies that exist with or without an SA, by name. The first one of a name counts. */
export function standingPolicies(plan: EroutePlan): ReadonlyMap<string, XfrmPolicy> {
  const policies = [
    ...plan.eroutes.flatMap(exceptions),
    ...plan.eroutes.flatMap(policiesOfEroute),
    ...policiesOfDefault(plan.defaultEroute),
  ];
  const byName = new Map<string, XfrmPolicy>();
  for (const policy of policies) {
    const name = formatPolicyId(policy.id);
    if (!byName.has(name)) byName.set(name, policy);
  }
  return byName;
}

/**
 * What happens to an eroute's packets while no Child SA takes them. A trap makes the kernel ask us
 * (XFRM_MSG_ACQUIRE) and hold the packet; where we never call, it is a block.
 */
function policiesOfEroute(eroute: Eroute): XfrmPolicy[] {
  const { noSa, start } = eroute.life;
  if (noSa === "pass") return [];
  const isTrap = noSa === "initiate" && start !== "never";
  const policies: XfrmPolicy[] = [];
  for (const local of eroute.localSubnets) {
    for (const remote of eroute.remoteSubnets) {
      if (local.family !== remote.family) continue;
      const outward = selectorOf(eroute, local, remote);
      policies.push(isTrap ? trap(eroute, outward) : block(eroute, "out", outward));
      // Where nothing may leave in clear, nothing may arrive in clear either.
      if (noSa !== "drop") continue;
      const inward = reverse(outward);
      policies.push(block(eroute, "in", inward), block(eroute, "fwd", inward));
    }
  }
  return policies;
}

/** A remote subnet may contain our own: packets that stay here are not for the site. */
function exceptions(eroute: Eroute): XfrmPolicy[] {
  if (eroute.life.noSa === "pass") return [];
  return eroute.localSubnets
    .filter((local) => eroute.remoteSubnets.some((remote) => containsPrefix(remote, local)))
    .flatMap((local) =>
      DIRECTIONS.map((direction) => pass(direction, plain(local, local), eroute.child)),
    );
}

const DIRECTIONS: readonly XfrmDirection[] = ["in", "fwd", "out"];

/** Traffic that no eroute matches (R14): what is not excepted is dropped, if so configured. */
function policiesOfDefault(defaults: DefaultEroute): XfrmPolicy[] {
  const { inbound, outbound, except } = defaults;
  const policies: XfrmPolicy[] = [];
  if (outbound === "pass" && inbound === "pass") return policies;
  const dropped: XfrmDirection[] = [
    ...(inbound === "drop" ? (["in", "fwd"] as const) : []),
    ...(outbound === "drop" ? (["out"] as const) : []),
  ];
  for (const direction of dropped) {
    for (const family of [4, 6] as const) {
      const all = prefixAll(family);
      policies.push(...passesOf(direction, [...LOOPBACK, ...except], all));
      policies.push(unprotected("block", direction, plain(all, all), NO_TAGS));
    }
    policies.push(...NEIGHBOUR_DISCOVERY.map((type) => passIcmp6(direction, type)));
  }
  return policies;
}

/** To and from each of these subnets. */
function passesOf(
  direction: XfrmDirection,
  subnets: readonly Prefix[],
  all: Prefix,
): readonly XfrmPolicy[] {
  return subnets
    .filter(({ family }) => family === all.family)
    .flatMap((subnet) => [
      pass(direction, plain(subnet, all), NO_TAGS),
      pass(direction, plain(all, subnet), NO_TAGS),
    ]);
}

/**
 * Router and neighbour messages: without them IPv6 finds no neighbours on its own link (RFC 4861
 * §4).
 */
const NEIGHBOUR_DISCOVERY = [133, 134, 135, 136] as const;
const ICMP6 = 58;

/** For the kernel, the type of an ICMP message is its source port. */
function passIcmp6(direction: XfrmDirection, type: number): XfrmPolicy {
  const all = prefixAll(6);
  const selector = { ...plain(all, all), protocol: ICMP6, srcPort: onePort(type) };
  return unprotected("pass", direction, selector, NO_TAGS);
}

/** Mark and interface ID of an eroute's policies. */
type Tags = Pick<Eroute["child"], "mark" | "ifId">;

const NO_TAGS: Tags = { mark: undefined, ifId: undefined };

/** Its site is not known yet: the template has no addresses. */
function trap({ child }: Eroute, selector: XfrmSelector): XfrmPolicy {
  const nobody = { family: selector.src.family, value: 0n };
  const { mark, ifId } = child;
  const id = { selector, direction: "out", mark, ifId } as const;
  return {
    id,
    priority: selectorPriority(id) + TRAP_BELOW,
    action: "protect",
    template: { src: nobody, dst: nobody, reqid: TRAP_REQID, mode: "tunnel" },
  };
}

/** Just below a Child SA's policy of the same width. */
const TRAP_BELOW = 2;

function block({ child }: Eroute, direction: XfrmDirection, selector: XfrmSelector): XfrmPolicy {
  return unprotected("block", direction, selector, child);
}

function pass(direction: XfrmDirection, selector: XfrmSelector, tags: Tags): XfrmPolicy {
  return unprotected("pass", direction, selector, tags);
}

function unprotected(
  action: "block" | "pass",
  direction: XfrmDirection,
  selector: XfrmSelector,
  { mark, ifId }: Tags,
): XfrmPolicy {
  const id = { selector, direction, mark, ifId };
  return { id, priority: unprotectedPriority(id), action, template: undefined };
}

function selectorOf({ traffic }: Eroute, local: Prefix, remote: Prefix): XfrmSelector {
  const { protocol, localPort, remotePort } = traffic;
  const [srcPort, dstPort] = [localPort, remotePort].map((port) =>
    port === undefined ? undefined : onePort(port),
  );
  return { src: local, dst: remote, protocol, srcPort, dstPort };
}

function reverse({ src, dst, protocol, srcPort, dstPort }: XfrmSelector): XfrmSelector {
  return { src: dst, dst: src, protocol, srcPort: dstPort, dstPort: srcPort };
}

function plain(src: Prefix, dst: Prefix): XfrmSelector {
  return { src, dst, protocol: 0, srcPort: undefined, dstPort: undefined };
}

function prefixAll(family: Family): Prefix {
  return { family, value: 0n, length: 0 };
}
