/**
 * Network interfaces and their addresses, as rtnetlink reports them (linux/if_link.h, if_addr.h).
 */

import { type Address, addressFromOctets } from "../inet/address.ts";
import { decode, type Malformed, Reader } from "../octets/reader.ts";
import type { Result } from "../octets/result.ts";
import { parseAttributes } from "./attribute.ts";
import { hostU32 } from "./host-order.ts";
import { emitNetlink, NLM_F_DUMP, NLM_F_REQUEST } from "./netlink.ts";

export type Link = {
  readonly index: number;
  /** IFF_UP: the interface is up. */
  readonly up: boolean;
  /** Interface ID of an XFRM interface; undefined for any other. */
  readonly xfrmIfId: number | undefined;
};

export type InterfaceAddress = { readonly address: Address; readonly index: number };

/** Multicast groups (RTNLGRP_*) that report changes. */
export const RTNLGRP = { LINK: 1, IPV4_IFADDR: 5, IPV6_IFADDR: 9 } as const;

/** Asks for all interfaces: answered by RTM_NEWLINK messages and NLMSG_DONE. */
export function emitLinkDump(sequence: number): Uint8Array {
  const head = { type: RTM_GETLINK, flags: NLM_F_REQUEST | NLM_F_DUMP, sequence };
  return emitNetlink(head, (w) => w.zeros(IFINFOMSG_OCTETS));
}

/** Asks for all addresses: answered by RTM_NEWADDR messages and NLMSG_DONE. */
export function emitAddressDump(sequence: number): Uint8Array {
  const head = { type: RTM_GETADDR, flags: NLM_F_REQUEST | NLM_F_DUMP, sequence };
  return emitNetlink(head, (w) => w.zeros(IFADDRMSG_OCTETS));
}

/** The payload of an RTM_NEWLINK (struct ifinfomsg). */
export function parseLink(octets: Uint8Array): Result<Link, Malformed> {
  return decode(octets, "RTM_NEWLINK", (r) => {
    r.skip(4); // ifi_family, padding, ifi_type
    const index = hostU32(r);
    const up = (hostU32(r) & IFF_UP) !== 0;
    r.skip(4); // ifi_change
    return { index, up, xfrmIfId: parseXfrmIfId(parseAttributes(r)) };
  });
}

/**
 * The payload of an RTM_NEWADDR (struct ifaddrmsg); undefined for an address that cannot be bound
 * to, because it is being checked for duplicates, or is one.
 */
export function parseInterfaceAddress(
  octets: Uint8Array,
): Result<InterfaceAddress | undefined, Malformed> {
  return decode(octets, "RTM_NEWADDR", (r) => {
    r.skip(2); // ifa_family, ifa_prefixlen
    const shortFlags = r.u8(); // ifa_flags
    r.skip(1); // ifa_scope
    const index = hostU32(r);
    const attributes = parseAttributes(r);
    const longFlags = attributes.get(IFA_FLAGS);
    const flags =
      longFlags === undefined ? shortFlags : hostU32(new Reader(longFlags, "IFA_FLAGS"));
    if ((flags & NOT_USABLE) !== 0) return undefined;
    // On a point-to-point interface, IFA_ADDRESS is the address of the other end.
    const found = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
    const address = found === undefined ? undefined : addressFromOctets(found);
    return address === undefined ? undefined : { address, index };
  });
}

const RTM_GETLINK = 18;
const RTM_GETADDR = 22;
const IFINFOMSG_OCTETS = 16;
const IFADDRMSG_OCTETS = 8;
const IFF_UP = 1;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_FLAGS = 8;
/** IFA_F_DADFAILED | IFA_F_TENTATIVE. */
const NOT_USABLE = 0x08 | 0x40;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_XFRM_IF_ID = 2;
/** `xfrm` and its NUL. */
const KIND_XFRM = "xfrm\0";

function parseXfrmIfId(attributes: Map<number, Uint8Array>): number | undefined {
  const info = nested(attributes, IFLA_LINKINFO);
  const kind = new TextDecoder().decode(info.get(IFLA_INFO_KIND));
  if (kind !== KIND_XFRM) return undefined;
  const ifId = nested(info, IFLA_INFO_DATA).get(IFLA_XFRM_IF_ID);
  return ifId === undefined ? undefined : hostU32(new Reader(ifId, "IFLA_XFRM_IF_ID"));
}

function nested(attributes: Map<number, Uint8Array>, type: number): Map<number, Uint8Array> {
  return parseAttributes(new Reader(attributes.get(type) ?? new Uint8Array(), "nested attribute"));
}
