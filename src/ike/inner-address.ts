/** Inner addresses of sites, in every version of IKE: a remote subnet that is one address. */

import { type Address, addressOctets, type Family, familyBits } from "../inet/address.ts";
import type { TrafficSelector } from "../wire/traffic-selector.ts";

/** The addresses that a site may have inside, of one family. */
export function innerAddresses(remote: readonly TrafficSelector[], family: Family): Address[] {
  return remote
    .filter(({ range }) => range.family === family && range.first === range.last)
    .map(({ range }) => ({ family, value: range.first }));
}

/** The mask of an IPv4 prefix, 4 octets. */
export function maskOctets(length: number): Uint8Array {
  const bits = familyBits(4);
  const hosts = (1n << BigInt(bits - length)) - 1n;
  return addressOctets({ family: 4, value: 0xffff_ffffn ^ hosts });
}
