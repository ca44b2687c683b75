/**
 * Policy priorities (struct xfrm_userpolicy_info.priority; a lower number wins).
 *
 * All of ours are between 0x45000000 and 0x45ffffff. This marks a policy without a template, which
 * has no reqid, as ours; and policies that an operator adds by hand, with the usual small numbers,
 * take precedence. The kernel keeps one policy for each selector (with direction, mark and if_id):
 * adding a second one replaces the first, whatever its priority.
 */

import type { PortBlock } from "../inet/port-block.ts";
import type { XfrmPolicy, XfrmPolicyId } from "./policy.ts";
import { isOurReqid } from "./request.ts";
import type { XfrmSelector } from "./selector.ts";

const PRIORITY_MARK = 0x45;
const PRIORITY_FIRST = 0x4500_0000;
/** Space between one width and the next, for policies of the same width. */
const STEP = 8;
/** The weight of one bit of a prefix: more than a protocol and both ports together. */
const PREFIX_BIT = 40;
/** The weight of one bit of the remote subnet's length: more than both prefixes of any length. */
const REMOTE_BIT = 257 * PREFIX_BIT;
/** Prefixes of 128 bits, a protocol and both ports. */
const SPECIFICITY_MAX = 128 * REMOTE_BIT + 256 * PREFIX_BIT + 33;

/** What a policy selects, and which of its ends is remote. */
export type Selecting = Pick<XfrmPolicyId, "selector" | "direction">;

/**
 * For a policy that protects. The length of the remote subnet counts first: of two sites whose
 * subnets overlap, the one with the longer prefix gets the packets, whatever local subnet, protocol
 * or port either of them has chosen. `remoteLength` is that of the subnet which the configuration
 * or its row gives the site, where the selector is only a part of it. Within one subnet, a selector
 * inside another one gets the lower number, because everything that makes it narrower (a bit of a
 * prefix, the protocol, a bit of a port) counts.
 */
export function selectorPriority(
  policy: Selecting,
  remoteLength = remoteOf(policy).length,
): number {
  return PRIORITY_FIRST + (SPECIFICITY_MAX - specificity(policy, remoteLength)) * STEP;
}

/** The end of its selector that is the site's. */
export function remoteOf({ selector, direction }: Selecting): XfrmSelector["dst"] {
  return direction === "out" ? selector.dst : selector.src;
}

/**
 * For a policy that blocks or passes packets without an SA (R14): after all policies that protect
 * something as narrow or narrower, before all that are wider.
 */
export function unprotectedPriority(policy: Selecting): number {
  return selectorPriority(policy) + STEP / 2;
}

/** Whether a policy in the kernel was installed by erouted, in this run or an earlier one. */
export function isOurPolicy(policy: XfrmPolicy): boolean {
  if (policy.template !== undefined) return isOurReqid(policy.template.reqid);
  return policy.priority >>> 24 === PRIORITY_MARK;
}

function specificity({ selector }: Selecting, remoteLength: number): number {
  const { src, dst, protocol, srcPort, dstPort } = selector;
  const beyondPrefixes = (protocol !== 0 ? 1 : 0) + maskBits(srcPort) + maskBits(dstPort);
  return remoteLength * REMOTE_BIT + (src.length + dst.length) * PREFIX_BIT + beyondPrefixes;
}

function maskBits(block: PortBlock | undefined): number {
  let bits = 0;
  for (let mask = block?.mask ?? 0; mask > 0; mask &= mask - 1) bits++;
  return bits;
}
