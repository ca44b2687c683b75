/** Netlink attributes: length, type, content, padding to 4 octets (struct nlattr of netlink.h). */

import type { Reader } from "../octets/reader.ts";
import { type HostWriter, hostU16 } from "./host-order.ts";

/** XFRMA_* of linux/xfrm.h that are used here. */
export const XFRMA = {
  ALG_AUTH: 1,
  ALG_CRYPT: 2,
  ENCAP: 4,
  TMPL: 5,
  POLICY: 7,
  LTIME_VAL: 9,
  REPLAY_VAL: 10,
  SRCADDR: 13,
  LASTUSED: 15,
  ALG_AEAD: 18,
  ALG_AUTH_TRUNC: 20,
  MARK: 21,
  REPLAY_ESN_VAL: 23,
  SA_EXTRA_FLAGS: 24,
  PROTO: 25,
  IF_ID: 31,
} as const;

const HEADER_OCTETS = 4;
/** The upper two bits are flags: nested, network order. */
const NLA_TYPE_MASK = 0x3fff;

/** One attribute with the content that `body` writes. */
export function emitAttribute(w: HostWriter, type: number, body: (w: HostWriter) => void): void {
  const from = w.length;
  w.u16(0).u16(type);
  body(w);
  w.patchU16(from, w.length - from); // nla_len: without the padding
  w.zeros((4 - (w.length % 4)) % 4);
}

/**
 * All attributes left in `r`, by type, as copies; with `wanted` only those, because others may hold
 * keys. If a type occurs twice, the later one counts.
 */
export function parseAttributes(r: Reader, wanted?: readonly number[]): Map<number, Uint8Array> {
  const attributes = new Map<number, Uint8Array>();
  while (r.left > 0) {
    const length = hostU16(r);
    const type = hostU16(r) & NLA_TYPE_MASK;
    if (length < HEADER_OCTETS) r.fail(`attribute ${type} of ${length} octets, header has 4`);
    if (wanted?.includes(type) === false) r.skip(length - HEADER_OCTETS);
    else attributes.set(type, r.octets(length - HEADER_OCTETS));
    r.skip(Math.min(r.left, (4 - (length % 4)) % 4));
  }
  return attributes;
}
