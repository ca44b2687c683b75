/**
 * How much a state has carried, read from a dump without the rest: 100,000 sites have 200,000
 * states, and their keys are not to be copied.
 */

import { type Address, addressOctets, type Family } from "../inet/address.ts";
import { decode, type Malformed, Reader } from "../octets/reader.ts";
import type { Result } from "../octets/result.ts";
import { asFamily } from "./address.ts";
import { hostU16, hostU32, hostU64Number } from "./host-order.ts";

export type StateCount = {
  /** Where its packets go: {@link placeOf} of the destination. */
  readonly place: number;
  readonly spi: number;
  readonly reqid: number;
  /** Exact up to 2^53. */
  readonly octets: number;
  readonly packets: number;
};

/** What one state has carried. */
export type Carried = Pick<StateCount, "octets" | "packets">;

/** From the payload of XFRM_MSG_NEWSA (struct xfrm_usersa_info). */
export function parseStateCount(octets: Uint8Array): Result<StateCount, Malformed> {
  return decode(octets, "XFRM_MSG_NEWSA", (r) => {
    r.skip(56); // sel
    const words = [r.u32(), r.u32(), r.u32(), r.u32()] as const; // id: daddr
    const spi = r.u32();
    r.skip(84); // proto, padding, saddr, lft
    const carried = hostU64Number(r); // curlft: bytes
    const packets = hostU64Number(r);
    r.skip(32); // add_time, use_time, stats, seq
    const reqid = hostU32(r);
    const place = placeOfWords(words, asFamily(r, hostU16(r)));
    return { place, spi, reqid, octets: carried, packets };
  });
}

/**
 * A number for an address, different for each of IPv4. Two of IPv6 have the same one rarely, and
 * states there the same SPI as well never.
 */
export function placeOf(address: Address): number {
  const r = new Reader(addressOctets(address), "address");
  const [first, second, third, fourth] = [r.u32(), next(r), next(r), next(r)];
  return placeOfWords([first, second, third, fourth], address.family);
}

type Words = readonly [number, number, number, number];

function next(r: Reader): number {
  return r.left > 0 ? r.u32() : 0;
}

/** An IPv4 address is in the first word. */
function placeOfWords(words: Words, family: Family): number {
  if (family === 4) return words[0];
  let mixed = 0;
  for (const word of words) mixed = Math.imul((mixed ^ word) >>> 0, ODD) ^ (mixed >>> 15);
  return mixed >>> 0;
}

/** The golden ratio's part of 2^32, as is usual for mixing. */
const ODD = 0x9e37_79b1;
