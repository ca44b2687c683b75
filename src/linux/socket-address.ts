/** Addresses as the C library takes them (struct sockaddr_in, struct sockaddr_in6). */

import { addressFromOctets, addressOctets } from "../inet/address.ts";
import type { Endpoint } from "../inet/endpoint.ts";
import { AF_INET, AF_INET6 } from "../xfrm/address.ts";

export const SOCKADDR_OCTETS_MAX = 28;

/** sin_family is in host order, port and address are in network order. */
export function socketAddress({ address, port }: Endpoint): Uint8Array {
  const octets = new Uint8Array(address.family === 4 ? 16 : SOCKADDR_OCTETS_MAX);
  new Uint16Array(octets.buffer, 0, 1)[0] = address.family === 4 ? AF_INET : AF_INET6;
  new DataView(octets.buffer).setUint16(2, port); // sin_port, sin6_port
  octets.set(addressOctets(address), address.family === 4 ? 4 : 8); // sin_addr, sin6_addr
  return octets;
}

/** Undefined for any other family; `octets` has to be as long as the longest one. */
export function parseSocketAddress(octets: Uint8Array): Endpoint | undefined {
  const view = new DataView(octets.buffer, octets.byteOffset, SOCKADDR_OCTETS_MAX);
  const family = view.getUint16(0, true);
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const address = addressFromOctets(
    family === AF_INET ? octets.subarray(4, 8) : octets.subarray(8, 24),
  );
  return address === undefined ? undefined : { address, port: view.getUint16(2) };
}
