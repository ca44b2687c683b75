/** IP protocols without ports (IANA protocol numbers). */

const IPPROTO_ICMP = 1;
const IPPROTO_ICMPV6 = 58;

/** Whether selectors have types and codes in place of ports. */
export function isIcmp(protocol: number): boolean {
  return protocol === IPPROTO_ICMP || protocol === IPPROTO_ICMPV6;
}
