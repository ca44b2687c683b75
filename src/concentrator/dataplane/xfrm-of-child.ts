/** A Child SA as the kernel sees it: two states, their policies (linux/xfrm.h, RFC 4301 §4.4). */

import type { ChildOptions } from "../../eroute/eroute.ts";
import type { ChildSa } from "../../ike/child-sa.ts";
import type { ChildKeys } from "../../ike/effect.ts";
import type { EspDirectionKeys } from "../../ike/esp-keys.ts";
import type { Path } from "../../inet/endpoint.ts";
import { containsPrefix, type Prefix } from "../../inet/prefix.ts";
import type { XfrmDirection, XfrmPolicy, XfrmPolicyId, XfrmTemplate } from "../../xfrm/policy.ts";
import { remoteOf, selectorPriority } from "../../xfrm/priority.ts";
import type { XfrmLifetime, XfrmState } from "../../xfrm/state.ts";
import { childSelectors } from "./child-selectors.ts";
import { protectionOf } from "./esp-protection.ts";

/** What the states of both directions are made of. */
export type ChildPlace = {
  readonly child: ChildSa;
  readonly path: Path;
  /** ESP in UDP, because a NAT is on the way (RFC 3948). */
  readonly encapsulate: boolean;
  readonly reqid: number;
  readonly options: ChildOptions;
  /** The remote subnets of its eroute: a selector of the Child SA may be a part of one. */
  readonly remoteSubnets: readonly Prefix[];
};

/** The site rekeys before that; what is left then, the kernel removes. */
const HARD_OVER_SOFT = 1.1;
/** For short lifetimes: leaves time for a rekey that the site refuses at first. */
const HARD_SECONDS_MIN = 20;

/** The state for what the site sends. */
export function inboundState(place: ChildPlace, keys: ChildKeys): XfrmState {
  const { child, path } = place;
  return {
    ...common(place, keys.in),
    id: { src: path.remote.address, dst: path.local.address, spi: child.spiIn },
    direction: "in",
    encapsulation: place.encapsulate
      ? { srcPort: path.remote.port, dstPort: path.local.port }
      : undefined,
    // Arriving packets have no mark yet: the policies check the mark of the decrypted ones.
    mark: undefined,
  };
}

/** The state for what we send. */
export function outboundState(place: ChildPlace, keys: ChildKeys): XfrmState {
  const { child, path } = place;
  return {
    ...common(place, keys.out),
    id: { src: path.local.address, dst: path.remote.address, spi: child.spiOut },
    direction: "out",
    encapsulation: place.encapsulate
      ? { srcPort: path.local.port, dstPort: path.remote.port }
      : undefined,
    mark: place.options.mark,
  };
}

/** Policies in, fwd and out for each pair of selectors. */
export function childPolicies(place: ChildPlace): XfrmPolicy[] {
  const { mark, ifId } = place.options;
  const here = childTemplate(place, "in");
  const there = childTemplate(place, "out");
  const policies: XfrmPolicy[] = [];
  for (const { inward, outward } of childSelectors(place.child)) {
    for (const direction of INWARD) {
      policies.push(childPolicy(place, { selector: inward, direction, mark, ifId }, here));
    }
    policies.push(childPolicy(place, { selector: outward, direction: "out", mark, ifId }, there));
  }
  return policies;
}

const INWARD = ["in", "fwd"] as const;

/** The one for these packets, which are some of the Child SA's. */
export function childPolicy(
  place: ChildPlace,
  id: XfrmPolicyId,
  template = childTemplate(place, id.direction),
): XfrmPolicy {
  const remoteLength = subnetAround(place.remoteSubnets, remoteOf(id))?.length;
  return { id, priority: selectorPriority(id, remoteLength), action: "protect", template };
}

/** The state that the Child SA's packets of one direction need. */
export function childTemplate(
  { child: { mode }, path: { local, remote }, reqid }: ChildPlace,
  direction: XfrmDirection,
): XfrmTemplate {
  return direction === "out"
    ? { src: local.address, dst: remote.address, reqid, mode }
    : { src: remote.address, dst: local.address, reqid, mode };
}

/** The narrowest of these subnets that contains a prefix. */
export function subnetAround(subnets: readonly Prefix[], prefix: Prefix): Prefix | undefined {
  let found: Prefix | undefined;
  for (const subnet of subnets) {
    if (!containsPrefix(subnet, prefix)) continue;
    if (found === undefined || subnet.length > found.length) found = subnet;
  }
  return found;
}

function common(place: ChildPlace, keys: EspDirectionKeys) {
  const { child, options } = place;
  const { copyDscp, ecn, pathMtuDiscovery } = options;
  return {
    reqid: place.reqid,
    mode: child.mode,
    protection: protectionOf(child.algorithms, keys),
    replayWindow: options.replayWindow,
    esn: child.algorithms.esn,
    outerHeader: { copyDscp, ecn, pathMtuDiscovery },
    lifetime: lifetimeOf(options),
    // Several selectors share the states: the policies decide what passes.
    selector: undefined,
    ifId: options.ifId,
  };
}

function lifetimeOf(options: ChildOptions): XfrmLifetime {
  const { lifetimeOctets: octets, lifetimePackets: packets } = options;
  return {
    softSeconds: options.lifetimeSeconds,
    hardSeconds: Math.max(
      Math.ceil(options.lifetimeSeconds * HARD_OVER_SOFT),
      options.lifetimeSeconds + HARD_SECONDS_MIN,
    ),
    softOctets: octets,
    hardOctets: octets === undefined ? undefined : (octets * 11n) / 10n,
    softPackets: packets,
    hardPackets: packets === undefined ? undefined : (packets * 11n) / 10n,
  };
}
