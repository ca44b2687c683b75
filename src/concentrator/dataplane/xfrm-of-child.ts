/** A Child SA as the kernel sees it: two states, their policies (linux/xfrm.h, RFC 4301 §4.4). */

import type { ChildOptions } from "../../eroute/eroute.ts";
import type { ChildSa } from "../../ike/child-sa.ts";
import type { ChildKeys } from "../../ike/effect.ts";
import type { EspDirectionKeys } from "../../ike/esp-keys.ts";
import type { Path } from "../../inet/endpoint.ts";
import { containsPrefix, type Prefix } from "../../inet/prefix.ts";
import type { XfrmPolicy, XfrmPolicyId, XfrmTemplate } from "../../xfrm/policy.ts";
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
  const { child, path, reqid, remoteSubnets } = place;
  const { mode } = child;
  const { mark, ifId } = place.options;
  const there = { src: path.local.address, dst: path.remote.address, reqid, mode };
  const here = { src: path.remote.address, dst: path.local.address, reqid, mode };
  const policies: XfrmPolicy[] = [];
  const add = (id: XfrmPolicyId, template: XfrmTemplate): void => {
    const priority = selectorPriority(id, subnetAround(remoteSubnets, remoteOf(id))?.length);
    policies.push({ id, priority, action: "protect", template });
  };
  for (const { inward, outward } of childSelectors(child)) {
    for (const direction of ["in", "fwd"] as const) {
      add({ selector: inward, direction, mark, ifId }, here);
    }
    add({ selector: outward, direction: "out", mark, ifId }, there);
  }
  return policies;
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
