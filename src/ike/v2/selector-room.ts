/** How much of two lists of selectors fits into the kernel: a pair of subnets is three policies. */

import type { Family } from "../../inet/address.ts";
import { isIcmp } from "../../inet/ip-protocol.ts";
import { countPortBlocks } from "../../inet/port-block.ts";
import { prefixRange } from "../../inet/prefix.ts";
import { countRangePrefixes, rangePrefixes } from "../../inet/range.ts";
import { SUBNET_PAIRS_MAX, SUBNETS_MAX } from "../../inet/subnet-pairs.ts";
import { isAnyPort, type TrafficSelector } from "../../wire/traffic-selector.ts";

export type Sides<T> = { readonly local: T; readonly remote: T };
type Selectors = readonly TrafficSelector[];

/** The selectors that fit, whole or in part; and those that did not fit completely. */
export type Roomed = {
  readonly taken: Sides<Selectors>;
  readonly leftOut: Sides<Selectors>;
};

/**
 * Takes selectors from both sides in turn and in order: the first of an offer is that of the packet
 * (RFC 7296 §2.9). Of a selector that does not fit, the widest subnets are taken.
 */
export function takeWithinRoom(offered: Sides<Selectors>): Roomed {
  if (isOnePair(offered)) return { taken: offered, leftOut: NOTHING };
  const local = newSide(offered.local);
  const remote = newSide(offered.remote);
  const turns = Math.max(offered.local.length, offered.remote.length);
  for (let i = 0; i < turns; i++) {
    take(local, remote, offered.local[i]);
    take(remote, local, offered.remote[i]);
  }
  return {
    taken: { local: local.taken, remote: remote.taken },
    leftOut: { local: local.leftOut, remote: remote.leftOut },
  };
}

/** One subnet on each side, as most sites have: it always fits. */
function isOnePair({ local, remote }: Sides<Selectors>): boolean {
  const [own, its] = [local[0], remote[0]];
  if (local.length !== 1 || remote.length !== 1 || own === undefined || its === undefined) {
    return false;
  }
  return selectorWeight(own) === 1 && selectorWeight(its) === 1;
}

const NOTHING: Sides<Selectors> = { local: [], remote: [] };

/** How many pairs of subnet and port block a selector needs; above any limit if it cannot fit. */
function selectorWeight(selector: TrafficSelector): number {
  return countRangePrefixes(selector.range) * portBlocksIn(selector);
}

/** The most pairs of subnets and port blocks that can belong together. */
export function countSelectorPairs({ local, remote }: Sides<Selectors>): number {
  const weightOf = (selectors: Selectors, family: Family) =>
    selectors.reduce(
      (sum, selector) => sum + (selector.range.family === family ? selectorWeight(selector) : 0),
      0,
    );
  const pairsOf = (family: Family) => weightOf(local, family) * weightOf(remote, family);
  return pairsOf(4) + pairsOf(6);
}

/** Whether the kernel can express its ports at all. */
export function hasRoomForPorts(selector: TrafficSelector): boolean {
  return !isIcmpAcrossTypes(selector);
}

type ByFamily = Record<Family, number>;

type Side = {
  readonly taken: TrafficSelector[];
  readonly leftOut: TrafficSelector[];
  readonly weights: ByFamily;
  /** Space reserved for the first selector of each family, until its turn comes. */
  readonly reserved: Readonly<ByFamily>;
};

/** How much space is reserved for the other side's first selector: an equal share. */
const RESERVED_MAX = Math.sqrt(SUBNET_PAIRS_MAX);

function newSide(selectors: Selectors): Side {
  const reservedFor = (family: Family) => {
    const first = selectors.find(({ range }) => range.family === family);
    return first === undefined ? 0 : Math.min(RESERVED_MAX, selectorWeight(first));
  };
  const reserved = { 4: reservedFor(4), 6: reservedFor(6) };
  return { taken: [], leftOut: [], weights: { 4: 0, 6: 0 }, reserved };
}

function take(side: Side, other: Side, selector: TrafficSelector | undefined): void {
  if (selector === undefined) return;
  if (takeWhole(side, other, selector)) return;
  side.leftOut.push(selector);
  const blocks = portBlocksIn(selector);
  const { range, ...ports } = selector;
  // Not even one of its subnets fits.
  if (side.taken.length >= SUBNETS_MAX || room(side, other, range.family) < blocks) return;
  for (const part of widestFirst(range)) {
    if (!takeWhole(side, other, { ...ports, range: part })) return;
  }
}

function takeWhole(side: Side, other: Side, selector: TrafficSelector): boolean {
  const { family } = selector.range;
  const weight = selectorWeight(selector);
  if (side.taken.length >= SUBNETS_MAX || weight > room(side, other, family)) return false;
  side.taken.push(selector);
  side.weights[family] += weight;
  return true;
}

/** How much more of a family fits on this side. */
function room(side: Side, other: Side, family: Family): number {
  const against = (one: Family) => Math.max(other.weights[one], other.reserved[one]);
  const pairs = side.weights[4] * against(4) + side.weights[6] * against(6);
  return (SUBNET_PAIRS_MAX - pairs) / Math.max(1, against(family));
}

function widestFirst(range: TrafficSelector["range"]): readonly TrafficSelector["range"][] {
  const prefixes = rangePrefixes(range).sort((a, b) => a.length - b.length);
  return prefixes.slice(0, SUBNETS_MAX).map(prefixRange);
}

function portBlocksIn(selector: TrafficSelector): number {
  const { startPort, endPort } = selector;
  if (isAnyPort(selector)) return 1;
  if (isIcmpAcrossTypes(selector)) return Number.POSITIVE_INFINITY;
  const types = isIcmp(selector.protocol) && isWholeTypes(selector);
  return types
    ? countPortBlocks(startPort >>> 8, endPort >>> 8)
    : countPortBlocks(startPort, endPort);
}

/** Neither whole types nor codes of one type: the kernel has two fields with a mask each. */
function isIcmpAcrossTypes(selector: TrafficSelector): boolean {
  const { startPort, endPort } = selector;
  if (!isIcmp(selector.protocol) || isAnyPort(selector) || isWholeTypes(selector)) return false;
  return startPort >>> 8 !== endPort >>> 8;
}

function isWholeTypes({ startPort, endPort }: TrafficSelector): boolean {
  return (startPort & 0xff) === 0 && (endPort & 0xff) === 0xff;
}
