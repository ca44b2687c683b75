/** Which origin an address belongs to: all addresses that one stranger can have count as one. */

import { type Address, formatAddress, parseAddress } from "./address.ts";
import { formatPrefix, prefixOf } from "./prefix.ts";

/** One /64 is one line (RFC 6177): its owner can pick any address in it. */
const IPV6_BITS = 64;

/** `192.0.2.7`, or `2001:db8::/64`. */
export function originOf(address: Address): string {
  const isLine = address.family === 6;
  return isLine ? formatPrefix(prefixOf(address, IPV6_BITS)) : formatAddress(address);
}

/**
 * The same for `192.0.2.7:500`, `[2001:db8::1]:500` or an address alone; otherwise the text itself.
 */
export function originOfText(remote: string): string {
  const host = remote.replace(/^\[(.*)\](:\d+)?$/, "$1").replace(/^([^:]*):\d+$/, "$1");
  const address = parseAddress(host);
  return address === undefined ? remote : originOf(address);
}
