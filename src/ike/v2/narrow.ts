/** Traffic selector narrowing (RFC 7296 §2.9): a site gets what is its own, never more (R10). */

import { type Family, formatAddress } from "../../inet/address.ts";
import { formatPrefix, type Prefix, prefixRange } from "../../inet/prefix.ts";
import { intersectRange, rangePrefixes } from "../../inet/range.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import type { TrafficSelector } from "../../wire/message.ts";
import type { Refusal } from "../refusal.ts";

/** Selectors that the kernel can hold: each is one subnet, with one port or any. */
export type Narrowed = {
  readonly local: readonly TrafficSelector[];
  readonly remote: readonly TrafficSelector[];
};

/** Selectors of one side of a Child SA: local × remote policies go to the kernel. */
export const SELECTORS_MAX = 8;

/** What both sides' offers have in common with the site's subnets and ours. */
export function narrow(
  offered: {
    readonly local: readonly TrafficSelector[];
    readonly remote: readonly TrafficSelector[];
  },
  allowed: { readonly local: readonly Prefix[]; readonly remote: readonly Prefix[] },
): Result<Narrowed, Refusal> {
  const local = commonSelectors(offered.local, allowed.local);
  const remote = commonSelectors(offered.remote, allowed.remote);
  const pairs = local.some((l) => remote.some((r) => r.range.family === l.range.family));
  if (pairs) return ok({ local, remote });
  return err({
    kind: "ts-unacceptable",
    offered: [selectorsText(offered.local, offered.remote)],
    wanted: [`${allowed.local.map(formatPrefix)} === ${allowed.remote.map(formatPrefix)}`],
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
export function isAnyPort(selector: TrafficSelector): boolean {
  return selector.startPort === 0 && selector.endPort === 65535;
}

function endText(family: Family, value: bigint): string {
  return formatAddress({ family, value });
}

function commonSelectors(
  offered: readonly TrafficSelector[],
  allowed: readonly Prefix[],
): readonly TrafficSelector[] {
  const common: TrafficSelector[] = [];
  for (const selector of offered) {
    // The kernel's selectors know one port or all of them: a true range would have to be widened.
    if (!isAnyPort(selector) && selector.startPort !== selector.endPort) continue;
    for (const prefix of allowed) {
      const range = intersectRange(selector.range, prefixRange(prefix));
      if (range === undefined) continue;
      for (const part of rangePrefixes(range)) {
        const candidate = { ...selector, range: prefixRange(part) };
        if (!common.some((other) => covers(other, candidate))) common.push(candidate);
      }
    }
  }
  const widest = common.filter(
    (selector) => !common.some((other) => other !== selector && covers(other, selector)),
  );
  return widest.slice(0, SELECTORS_MAX);
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
