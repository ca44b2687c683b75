/**
 * Policy priorities (struct xfrm_userpolicy_info.priority; a lower number wins).
 *
 * All of ours lie between 0x45000000 and 0x45ffffff. By that a policy without a template, which has
 * no reqid to mark it, is known as ours; and whatever an operator adds by hand, with the usual
 * small numbers, goes before it. The kernel keeps one policy a selector (with direction, mark and
 * if_id): putting a second one replaces the first, whatever its priority.
 */

import type { PortBlock } from "../inet/port-block.ts";
import type { XfrmPolicy } from "./policy.ts";
import { isOurReqid } from "./request.ts";
import type { XfrmSelector } from "./selector.ts";

const PRIORITY_MARK = 0x45;
const PRIORITY_FIRST = 0x4500_0000;
/** Room between one degree of width and the next, for policies of the same width. */
const STEP = 16;
/** What a bit of a prefix counts: more than a protocol and both ports together. */
const PREFIX_BIT = 64;
/** Both prefixes of 128 bits, a protocol and both ports. */
const SPECIFICITY_MAX = 256 * PREFIX_BIT + 33;

/**
 * For a policy that protects: a selector inside another one always gets the lower number, because
 * whatever makes it narrower (a bit of a prefix, the protocol, a bit of a port) counts.
 */
export function selectorPriority(selector: XfrmSelector): number {
  return PRIORITY_FIRST + (SPECIFICITY_MAX - specificity(selector)) * STEP;
}

/**
 * For a policy that blocks or passes what no SA protects (R14): beneath all that protect something
 * as narrow or narrower, above all that are wider.
 */
export function unprotectedPriority(selector: XfrmSelector): number {
  return selectorPriority(selector) + STEP / 2;
}

/** Whether a policy found in the kernel was put there by erouted, in this run or an earlier one. */
export function isOurPolicy(policy: XfrmPolicy): boolean {
  if (policy.template !== undefined) return isOurReqid(policy.template.reqid);
  return policy.priority >>> 24 === PRIORITY_MARK;
}

function specificity(selector: XfrmSelector): number {
  const { src, dst, protocol, srcPort, dstPort } = selector;
  const beyondPrefixes = (protocol !== 0 ? 1 : 0) + maskBits(srcPort) + maskBits(dstPort);
  return (src.length + dst.length) * PREFIX_BIT + beyondPrefixes;
}

function maskBits(block: PortBlock | undefined): number {
  let bits = 0;
  for (let mask = block?.mask ?? 0; mask > 0; mask &= mask - 1) bits++;
  return bits;
}
