/** Addresses of this machine, as route netlink tells them (linux/rtnetlink.h, linux/if_addr.h). */

import { type Address, addressFromOctets } from "../inet/address.ts";
import { containsAddress, type Prefix } from "../inet/prefix.ts";
import { decode, type Reader } from "../octets/reader.ts";
import { parseAttributes } from "../xfrm/attribute.ts";
import { hostU32 } from "../xfrm/host-order.ts";
import { emitNetlink, NLM_F_DUMP, NLM_F_REQUEST } from "../xfrm/netlink.ts";
import { openLibc } from "./libc.ts";
import { NETLINK_ROUTE, NetlinkSocket } from "./netlink-socket.ts";

/**
 * All addresses that a socket can be bound to, loopback included; not link-local ones (they mean
 * nothing without an interface) nor those that are still being checked for duplicates. Empty if the
 * kernel does not tell.
 */
export function localAddresses(): Address[] {
  const libc = openLibc();
  const socket = libc.ok ? NetlinkSocket.open(libc.value, NETLINK_ROUTE) : libc;
  if (!socket.ok) return [];
  const addresses = new Map<bigint, Address>();
  const head = { type: RTM_GETADDR, flags: NLM_F_REQUEST | NLM_F_DUMP };
  const emit = (sequence: number): Uint8Array =>
    emitNetlink({ ...head, sequence }, (w) => w.zeros(IFADDRMSG_OCTETS));
  for (const piece of socket.value.dump(emit)) {
    for (const { payload } of piece) {
      const address = decode(payload, "RTM_NEWADDR", parseInterfaceAddress);
      if (address.ok && address.value !== undefined && isBindable(address.value)) {
        addresses.set(address.value.value, address.value);
      }
    }
  }
  socket.value.close();
  return [...addresses.values()];
}

const RTM_GETADDR = 22;
/** struct ifaddrmsg. */
const IFADDRMSG_OCTETS = 8;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_FLAGS = 8;
/** IFA_F_DADFAILED | IFA_F_TENTATIVE: cannot be bound to. */
const NOT_USABLE = 0x08 | 0x40;

const LINK_LOCAL_V4: Prefix = { family: 4, value: 0xa9fe_0000n, length: 16 };
const LINK_LOCAL_V6: Prefix = { family: 6, value: 0xfe80n << 112n, length: 10 };

function parseInterfaceAddress(r: Reader): Address | undefined {
  r.octets(2); // ifa_family, ifa_prefixlen
  const shortFlags = r.u8(); // ifa_flags
  r.octets(5); // ifa_scope, ifa_index
  const attributes = parseAttributes(r);
  const longFlags = attributes.get(IFA_FLAGS);
  const flags = longFlags === undefined ? shortFlags : flagsOf(longFlags);
  if ((flags & NOT_USABLE) !== 0) return undefined;
  // On a point-to-point interface IFA_ADDRESS is the other end's.
  const octets = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
  return octets === undefined ? undefined : addressFromOctets(octets);
}

function flagsOf(octets: Uint8Array): number {
  const flags = decode(octets, "IFA_FLAGS", hostU32);
  return flags.ok ? flags.value : NOT_USABLE;
}

function isBindable(address: Address): boolean {
  return !containsAddress(LINK_LOCAL_V4, address) && !containsAddress(LINK_LOCAL_V6, address);
}
