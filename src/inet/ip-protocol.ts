/** IP protocols whose ports are something else (IANA protocol numbers). */

const IPPROTO_ICMP = 1;
const IPPROTO_ICMPV6 = 58;

/** Whether types and codes stand where other protocols have ports. */
export function isIcmp(protocol: number): boolean {
  return protocol === IPPROTO_ICMP || protocol === IPPROTO_ICMPV6;
}
