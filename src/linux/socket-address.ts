/** Addresses as the C library takes them (struct sockaddr_in, struct sockaddr_in6). */

import { addressOctets } from "../inet/address.ts";
import type { Endpoint } from "../inet/endpoint.ts";
import { AF_INET, AF_INET6 } from "../xfrm/address.ts";

/** sin_family is in host order, port and address are in network order. */
export function socketAddress({ address, port }: Endpoint): Uint8Array {
  const octets = new Uint8Array(address.family === 4 ? 16 : 28);
  new Uint16Array(octets.buffer, 0, 1)[0] = address.family === 4 ? AF_INET : AF_INET6;
  new DataView(octets.buffer).setUint16(2, port); // sin_port, sin6_port
  octets.set(addressOctets(address), address.family === 4 ? 4 : 8); // sin_addr, sin6_addr
  return octets;
}
