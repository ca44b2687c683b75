/** Traffic selectors in readable form. Only as many as are shown become text. */

import { formatAddress } from "../inet/address.ts";
import { formatPrefix } from "../inet/prefix.ts";
import { rangePrefix } from "../inet/range.ts";
import { isAnyPort, type TrafficSelector } from "../wire/traffic-selector.ts";

/** How many selectors of one side a text shows; the rest is given as a number. */
const SELECTORS_SHOWN_MAX = 8;

/** `10.0.0.0/16 === 192.168.1.0/24`, local side first. */
export function selectorsText(
  local: readonly TrafficSelector[],
  remote: readonly TrafficSelector[],
): string {
  return `${selectorTexts(local).join(",")} === ${selectorTexts(remote).join(",")}`;
}

/** Each as text; after the first {@link SELECTORS_SHOWN_MAX}, `and 3 more`. */
export function selectorTexts(selectors: readonly TrafficSelector[]): readonly string[] {
  const shown = selectors.slice(0, SELECTORS_SHOWN_MAX).map(selectorText);
  const more = selectors.length - shown.length;
  return more > 0 ? [...shown, `and ${more} more`] : shown;
}

/** `192.168.1.0/24` or `192.0.2.3-192.0.2.9`, followed by `[6/80]` for a protocol and port. */
export function selectorText(selector: TrafficSelector): string {
  const { range } = selector;
  const { family, first, last } = range;
  const prefix = rangePrefix(range);
  const addresses =
    prefix === undefined
      ? `${formatAddress({ family, value: first })}-${formatAddress({ family, value: last })}`
      : formatPrefix(prefix);
  if (selector.protocol === 0 && isAnyPort(selector)) return addresses;
  const ports = isAnyPort(selector) ? "" : `/${selector.startPort}`;
  const isOne = isAnyPort(selector) || selector.startPort === selector.endPort;
  return `${addresses}[${selector.protocol}${ports}${isOne ? "" : `-${selector.endPort}`}]`;
}
