/** Traffic selector narrowing (RFC 7296 §2.9): a site gets its own subnets, never more (R10). */

import { intersectRange } from "../../inet/range.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { isAnyPort, type TrafficSelector } from "../../wire/traffic-selector.ts";
import { covers } from "../inside.ts";
import type { Refusal } from "../refusal.ts";
import { selectorsText, selectorTexts } from "../selector-text.ts";
import { hasRoomForPorts, type Sides, takeWithinRoom } from "./selector-room.ts";

type Selectors = readonly TrafficSelector[];

/** Selectors that fit into the kernel: subnets, or ranges of addresses. */
export type Narrowed = Sides<Selectors> & {
  /** What both ends allow but does not fit into the kernel, in words; undefined: nothing. */
  readonly leftOut: string | undefined;
};

/**
 * How many common selectors of one side are compared with each other; others are left out. Finding
 * them takes at most offered selectors × subnets of the site steps, and comparing them the square
 * of this number.
 */
const CANDIDATES_MAX = 128;

/** What the offers for both sides have in common with our subnets and the site's. */
export function narrow(
  offered: Sides<Selectors>,
  allowed: Sides<Selectors>,
): Result<Narrowed, Refusal> {
  const local = commonSelectors(offered.local, allowed.local);
  const remote = commonSelectors(offered.remote, allowed.remote);
  const { taken, leftOut } = takeWithinRoom({ local: local.found, remote: remote.found });
  if (haveAPair(taken)) {
    const text = leftOutText(leftOut, local.passedOver + remote.passedOver);
    return ok({ ...taken, leftOut: text });
  }
  // The common ones come first, because a text shows only a few.
  const shown = {
    local: commonFirst(offered.local, local.found),
    remote: commonFirst(offered.remote, remote.found),
  };
  return err({
    kind: "ts-unacceptable",
    offered: [selectorsText(shown.local, shown.remote)],
    wanted: [selectorsText(allowed.local, allowed.remote)],
  });
}

function commonFirst(offered: Selectors, [first]: Selectors): Selectors {
  const own = offered.find((selector) => first !== undefined && covers(selector, first));
  return own === undefined ? offered : [own, ...offered.filter((one) => one !== own)];
}

function leftOutText({ local, remote }: Sides<Selectors>, passedOver: number): string | undefined {
  if (local.length + remote.length + passedOver === 0) return undefined;
  const ends = [
    ...(local.length === 0 ? [] : [`${selectorTexts(local).join(", ")} here`]),
    ...(remote.length === 0 ? [] : [`${selectorTexts(remote).join(", ")} of the site`]),
    ...(passedOver === 0 ? [] : [`${passedOver} further ones`]),
  ];
  return ends.join("; ");
}

/** Common to both, in the order of the offer; none lies inside another one. */
type Common = {
  readonly found: Selectors;
  /** Also common, but beyond the number that is compared. */
  readonly passedOver: number;
};

function commonSelectors(offered: Selectors, allowed: Selectors): Common {
  const found: TrafficSelector[] = [];
  let candidates = 0;
  let passedOver = 0;
  for (const selector of offered) {
    for (const whole of allowed) {
      const candidate = intersectSelectors(selector, whole);
      if (candidate === undefined) continue;
      if (candidates < CANDIDATES_MAX) {
        candidates++;
        // It lives as long as the Child SA: the eroute's own object saves memory if it is equal.
        addWidest(found, covers(candidate, whole) ? whole : candidate);
      } else passedOver++;
    }
  }
  return { found, passedOver };
}

/** A wider selector takes the place of the first one it covers, so the packet's stays first. */
function addWidest(found: TrafficSelector[], candidate: TrafficSelector): void {
  if (found.length === 0) {
    found.push(candidate);
    return;
  }
  if (found.some((other) => covers(other, candidate))) return;
  const at = found.findIndex((other) => covers(candidate, other));
  if (at < 0) {
    found.push(candidate);
    return;
  }
  found[at] = candidate;
  for (let i = found.length - 1; i > at; i--) {
    const other = found[i];
    if (other !== undefined && covers(candidate, other)) found.splice(i, 1);
  }
}

/** What both cover. Ports without a protocol are invalid and cover nothing. */
function intersectSelectors(a: TrafficSelector, b: TrafficSelector): TrafficSelector | undefined {
  const protocol = a.protocol === 0 ? b.protocol : a.protocol;
  if (b.protocol !== 0 && b.protocol !== protocol) return undefined;
  const startPort = Math.max(a.startPort, b.startPort);
  const endPort = Math.min(a.endPort, b.endPort);
  const ports = { protocol, startPort, endPort };
  if (startPort > endPort || (protocol === 0 && !isAnyPort(ports))) return undefined;
  const range = intersectRange(a.range, b.range);
  if (range === undefined) return undefined;
  const common = { ...ports, range };
  // A selector that the kernel cannot hold must not replace narrower ones that it covers.
  return hasRoomForPorts(common) ? common : undefined;
}

function haveAPair({ local, remote }: Sides<Selectors>): boolean {
  for (const one of local) for (const other of remote) if (goTogether(one, other)) return true;
  return false;
}

function goTogether(local: TrafficSelector, remote: TrafficSelector): boolean {
  const { protocol } = local;
  const isSame = protocol === remote.protocol || protocol === 0 || remote.protocol === 0;
  return isSame && local.range.family === remote.range.family;
}
