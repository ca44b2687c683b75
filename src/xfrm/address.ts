/** Addresses and address families as in linux/xfrm.h (xfrm_address_t: always 16 octets). */

import { type Address, addressOctets, type Family } from "../inet/address.ts";
import type { Reader } from "../octets/reader.ts";
import type { HostWriter } from "./host-order.ts";

export const AF_INET = 2;
export const AF_INET6 = 10;

/** AF_INET or AF_INET6. */
export function familyNumber(family: Family): number {
  return family === 4 ? AF_INET : AF_INET6;
}

/** The family of an AF_ number; faults for any other than IPv4 and IPv6. */
export function asFamily(r: Reader, number: number): Family {
  if (number === AF_INET) return 4;
  if (number === AF_INET6) return 6;
  return r.fail(`address family ${number}, neither AF_INET (2) nor AF_INET6 (10)`);
}

/** xfrm_address_t: an IPv4 address fills the first four octets. */
export function emitXfrmAddress(w: HostWriter, address: Address): void {
  if (address.family === 4) w.networkU32(Number(address.value)).zeros(12);
  else w.octets(addressOctets(address));
}

/** The address in an xfrm_address_t; its family is elsewhere in the structure. */
export function asAddress(octets: Uint8Array, family: Family): Address {
  let value = 0n;
  for (const octet of octets.subarray(0, family === 4 ? 4 : 16)) {
    value = (value << 8n) | BigInt(octet);
  }
  return { family, value };
}
