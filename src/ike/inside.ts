/** Whether traffic selectors lie inside others. */

import type { TrafficSelector } from "../wire/traffic-selector.ts";

type Selectors = readonly TrafficSelector[];

/** Whether `outer` covers all of `inner`, if need be by several selectors together. */
export function isInside(inner: Selectors, outer: Selectors): boolean {
  return inner.every((selector) => isCovered(selector, outer));
}

function isCovered(selector: TrafficSelector, outer: Selectors): boolean {
  if (outer.some((whole) => covers(whole, selector))) return true;
  const { family, last } = selector.range;
  const sameTraffic = outer.filter((whole) => coversTraffic(whole, selector));
  const ranges = sameTraffic.map(({ range }) => range).filter((range) => range.family === family);
  let next = selector.range.first;
  for (const range of ranges.sort((a, b) => (a.first < b.first ? -1 : 1))) {
    if (range.first <= next && range.last >= next) next = range.last + 1n;
  }
  return next > last;
}

/** Whether one selector covers all of another. */
export function covers(outer: TrafficSelector, inner: TrafficSelector): boolean {
  return (
    coversTraffic(outer, inner) &&
    outer.range.family === inner.range.family &&
    outer.range.first <= inner.range.first &&
    outer.range.last >= inner.range.last
  );
}

/** The same protocol and ports, whatever the addresses. */
function coversTraffic(outer: TrafficSelector, inner: TrafficSelector): boolean {
  return (
    (outer.protocol === 0 || outer.protocol === inner.protocol) &&
    outer.startPort <= inner.startPort &&
    outer.endPort >= inner.endPort
  );
}
