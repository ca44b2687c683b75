/** Traffic selector narrowing (RFC 7296 §2.9): a site gets what is its own, never more (R10). */

import { type Family, formatAddress } from "../../inet/address.ts";
import { portBlocks } from "../../inet/port-block.ts";
import { formatPrefix, prefixRange } from "../../inet/prefix.ts";
import { intersectRange, rangePrefixes } from "../../inet/range.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import type { TrafficSelector } from "../../wire/message.ts";
import type { Refusal } from "../refusal.ts";

/** Selectors that the kernel can hold: each is one subnet, with few enough blocks of ports. */
export type Narrowed = {
  readonly local: readonly TrafficSelector[];
  readonly remote: readonly TrafficSelector[];
};

/** Selectors of one side of a Child SA: local × remote policies go to the kernel. */
export const SELECTORS_MAX = 8;
/** Blocks of ports of all of them together, for the same reason: 1-65535 has 16. */
const PORT_BLOCKS_MAX = 16;

/** What both sides' offers have in common with the site's subnets and ours. */
export function narrow(
  offered: {
    readonly local: readonly TrafficSelector[];
    readonly remote: readonly TrafficSelector[];
  },
  allowed: {
    readonly local: readonly TrafficSelector[];
    readonly remote: readonly TrafficSelector[];
  },
): Result<Narrowed, Refusal> {
  const local = commonSelectors(offered.local, allowed.local);
  const remote = commonSelectors(offered.remote, allowed.remote);
  const pairs = local.some((l) => remote.some((r) => r.range.family === l.range.family));
  if (pairs) return ok({ local, remote });
  return err({
    kind: "ts-unacceptable",
    offered: [selectorsText(offered.local, offered.remote)],
    wanted: [selectorsText(allowed.local, allowed.remote)],
  });
}

/** `10.0.0.0/16 === 192.168.1.0/24`, local side first. */
export function selectorsText(
  local: readonly TrafficSelector[],
  remote: readonly TrafficSelector[],
): string {
  return `${local.map(selectorText)} === ${remote.map(selectorText)}`;
}

/** `192.168.1.0/24`, or `192.0.2.3-192.0.2.9`, with `[6/80]` for a protocol and port. */
export function selectorText(selector: TrafficSelector): string {
  const { range } = selector;
  const prefixes = rangePrefixes(range);
  const [only] = prefixes;
  const addresses =
    prefixes.length === 1 && only !== undefined
      ? formatPrefix(only)
      : `${endText(range.family, range.first)}-${endText(range.family, range.last)}`;
  if (selector.protocol === 0 && isAnyPort(selector)) return addresses;
  const ports = isAnyPort(selector) ? "" : `/${selector.startPort}`;
  const last = isAnyPort(selector) || selector.startPort === selector.endPort;
  return `${addresses}[${selector.protocol}${ports}${last ? "" : `-${selector.endPort}`}]`;
}

/** Whether a selector is for every port. */
export function isAnyPort(ports: Pick<TrafficSelector, "startPort" | "endPort">): boolean {
  return ports.startPort === 0 && ports.endPort === 65535;
}

function endText(family: Family, value: bigint): string {
  return formatAddress({ family, value });
}

function commonSelectors(
  offered: readonly TrafficSelector[],
  allowed: readonly TrafficSelector[],
): readonly TrafficSelector[] {
  const common: TrafficSelector[] = [];
  for (const selector of offered) {
    for (const whole of allowed) {
      for (const candidate of intersectSelectors(selector, whole)) {
        if (common.some((other) => covers(other, candidate))) continue;
        // Kept as long as the Child SA is: the eroute's own, where it is the same.
        common.push(covers(candidate, whole) ? whole : candidate);
      }
    }
  }
  const widest = common.filter(
    (selector) => !common.some((other) => other !== selector && covers(other, selector)),
  );
  let blocks = 0;
  const held = packetFirst(widest, common[0]).filter((selector) => {
    const more = portBlocksIn(selector);
    if (blocks + more > PORT_BLOCKS_MAX) return false;
    blocks += more;
    return true;
  });
  return held.slice(0, SELECTORS_MAX);
}

/** The first of an offer is the packet's own: what covers it finds room before all else (§2.9). */
function packetFirst(
  selectors: readonly TrafficSelector[],
  packet: TrafficSelector | undefined,
): readonly TrafficSelector[] {
  const first = selectors.find((one) => packet !== undefined && covers(one, packet));
  if (first === undefined) return selectors;
  return [first, ...selectors.filter((one) => one !== first)];
}

/** Pairs of port and mask that it takes in the kernel; more than any limit if it has no room. */
function portBlocksIn(selector: TrafficSelector): number {
  const { protocol, startPort, endPort } = selector;
  if (isAnyPort(selector)) return 1;
  if (protocol === IPPROTO_ICMP || protocol === IPPROTO_ICMPV6) {
    // Whole types, or codes of one type: the two fields have a mask each.
    const wholeTypes = (startPort & 0xff) === 0 && (endPort & 0xff) === 0xff;
    if (wholeTypes) return portBlocks(startPort >>> 8, endPort >>> 8).length;
    if (startPort >>> 8 !== endPort >>> 8) return Number.POSITIVE_INFINITY;
  }
  return portBlocks(startPort, endPort).length;
}

const IPPROTO_ICMP = 1;
const IPPROTO_ICMPV6 = 58;

/** What both cover, each a whole subnet. Ports that are for no protocol mean nothing: none. */
function intersectSelectors(a: TrafficSelector, b: TrafficSelector): readonly TrafficSelector[] {
  const range = intersectRange(a.range, b.range);
  const protocol = a.protocol === 0 ? b.protocol : a.protocol;
  if (range === undefined || (b.protocol !== 0 && b.protocol !== protocol)) return [];
  const startPort = Math.max(a.startPort, b.startPort);
  const endPort = Math.min(a.endPort, b.endPort);
  const ports = { protocol, startPort, endPort };
  if (startPort > endPort || (protocol === 0 && !isAnyPort(ports))) return [];
  const parts = rangePrefixes(range).map((part) => ({ ...ports, range: prefixRange(part) }));
  // One that there is no room for must not stand in for narrower ones that it covers.
  return parts.filter((part) => portBlocksIn(part) <= PORT_BLOCKS_MAX);
}

/** Whether all that `inner` covers is covered by one of `outer`. */
export function isInside(
  inner: readonly TrafficSelector[],
  outer: readonly TrafficSelector[],
): boolean {
  return inner.every((selector) => outer.some((whole) => covers(whole, selector)));
}

function covers(outer: TrafficSelector, inner: TrafficSelector): boolean {
  return (
    (outer.protocol === 0 || outer.protocol === inner.protocol) &&
    outer.startPort <= inner.startPort &&
    outer.endPort >= inner.endPort &&
    outer.range.family === inner.range.family &&
    outer.range.first <= inner.range.first &&
    outer.range.last >= inner.range.last
  );
}
