/** An XFRM selector: which packets a policy or state applies to (struct xfrm_selector). */

import { familyBits } from "../inet/address.ts";
import { formatPortBlock, type PortBlock } from "../inet/port-block.ts";
import { formatPrefix, type Prefix, prefixOf } from "../inet/prefix.ts";
import type { Reader } from "../octets/reader.ts";
import { asAddress, asFamily, emitXfrmAddress, familyNumber } from "./address.ts";
import { type HostWriter, hostU16 } from "./host-order.ts";

export type XfrmSelector = {
  readonly src: Prefix;
  readonly dst: Prefix;
  /** IP protocol, 0 for any. */
  readonly protocol: number;
  /** Undefined is any port. For ICMP these are type and code. */
  readonly srcPort: PortBlock | undefined;
  readonly dstPort: PortBlock | undefined;
};

/** struct xfrm_selector. */
export const SELECTOR_OCTETS = 56;

/** struct xfrm_selector. */
export function emitSelector(w: HostWriter, selector: XfrmSelector): void {
  emitXfrmAddress(w, selector.dst); // daddr
  emitXfrmAddress(w, selector.src); // saddr
  emitPort(w, selector.dstPort); // dport, dport_mask
  emitPort(w, selector.srcPort); // sport, sport_mask
  w.u16(familyNumber(selector.src.family)); // family
  w.u8(selector.dst.length); // prefixlen_d
  w.u8(selector.src.length); // prefixlen_s
  w.u8(selector.protocol).zeros(3); // proto
  w.u32(0).u32(0); // ifindex, user
}

/** struct xfrm_selector; undefined for one without a family, as in a state for any packet. */
export function parseSelector(r: Reader): XfrmSelector | undefined {
  const daddr = r.octets(16);
  const saddr = r.octets(16);
  const dstPort = parsePort(r);
  const srcPort = parsePort(r);
  const number = hostU16(r);
  const dstLength = r.u8();
  const srcLength = r.u8();
  const protocol = r.u8();
  r.skip(11); // padding, ifindex, user
  if (number === 0) return undefined;
  const family = asFamily(r, number);
  const longest = Math.max(srcLength, dstLength);
  if (longest > familyBits(family)) r.fail(`prefix length ${longest} in IPv${family}`);
  const src = prefixOf(asAddress(saddr, family), srcLength);
  const dst = prefixOf(asAddress(daddr, family), dstLength);
  return { src, dst, protocol, srcPort, dstPort };
}

/** `10.0.0.0/16 -> 192.168.1.0/24`, with protocol and ports if it names any. */
export function formatSelector(selector: XfrmSelector): string {
  const { src, dst, protocol, srcPort, dstPort } = selector;
  let text = `${prefixText(src)} -> ${prefixText(dst)}`;
  if (protocol !== 0) text += ` protocol ${protocol}`;
  if (srcPort !== undefined || dstPort !== undefined) {
    text += ` ports ${portText(srcPort)} -> ${portText(dstPort)}`;
  }
  return text;
}

/** The policies of a Child SA use few prefixes, each of them many times. */
function prefixText(prefix: Prefix): string {
  const known = prefixTexts.get(prefix);
  if (known !== undefined) return known;
  if (prefixTexts.size >= PREFIX_TEXTS_MAX) prefixTexts.clear();
  const text = formatPrefix(prefix);
  prefixTexts.set(prefix, text);
  return text;
}

const PREFIX_TEXTS_MAX = 256;
const prefixTexts = new Map<Prefix, string>();

function portText(block: PortBlock | undefined): string {
  return block === undefined ? "any" : formatPortBlock(block);
}

/** A port and its mask: all ones for one port, zero for any. */
function emitPort(w: HostWriter, block: PortBlock | undefined): void {
  w.networkU16(block?.port ?? 0).networkU16(block?.mask ?? 0);
}

function parsePort(r: Reader): PortBlock | undefined {
  const port = r.u16();
  const mask = r.u16();
  return mask === 0 ? undefined : { port, mask };
}
