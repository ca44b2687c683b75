/** Where datagrams come from and go to. */

import { type Address, equalAddress, formatAddress } from "./address.ts";

export type Endpoint = { readonly address: Address; readonly port: number };

/** Both ends of a datagram's path, seen from here. */
export type Path = { readonly local: Endpoint; readonly remote: Endpoint };

export function equalEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && equalAddress(a.address, b.address);
}

export function equalPath(a: Path, b: Path): boolean {
  return equalEndpoint(a.local, b.local) && equalEndpoint(a.remote, b.remote);
}

/** `192.0.2.1:500` or `[2001:db8::1]:500`. */
export function formatEndpoint(endpoint: Endpoint): string {
  const text = formatAddress(endpoint.address);
  return endpoint.address.family === 4 ? `${text}:${endpoint.port}` : `[${text}]:${endpoint.port}`;
}
