/** Netlink messages: header, several in one buffer, errors and ends of dumps (linux/netlink.h). */

import { decode, type Malformed, type Reader } from "../octets/reader.ts";
import { ok, type Result } from "../octets/result.ts";
import { parseAttributes } from "./attribute.ts";
import { HostWriter, hostU16, hostU32 } from "./host-order.ts";

export type NetlinkHead = {
  /** NLMSG_* or the family's own, XFRM_MSG_*. */
  readonly type: number;
  /** NLM_F_*. */
  readonly flags: number;
  readonly sequence: number;
};

export type NetlinkMessage = NetlinkHead & {
  readonly portId: number;
  /** What follows the header: a view of the buffer. */
  readonly payload: Uint8Array;
};

/** The content of NLMSG_ERROR: errno 0 is an acknowledgement. */
export type NetlinkError = {
  readonly errno: number;
  /** The kernel's own explanation (NLMSGERR_ATTR_MSG), if there is one. */
  readonly text: string | undefined;
};

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

export const NLM_F_REQUEST = 0x01;
export const NLM_F_ACK = 0x04;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_CREATE = 0x400;
/** NLM_F_ROOT | NLM_F_MATCH. */
export const NLM_F_DUMP = 0x300;
/** In an error: only the header of the request is quoted. */
export const NLM_F_CAPPED = 0x100;
/** In an error: attributes follow the quoted request. */
export const NLM_F_ACK_TLVS = 0x200;

/** struct nlmsghdr. */
const NETLINK_HEADER_OCTETS = 16;
const NLMSGERR_ATTR_MSG = 1;

/** A message with the payload that `body` writes; the socket fills in its port. */
export function emitNetlink(head: NetlinkHead, body: (w: HostWriter) => void): Uint8Array {
  const w = new HostWriter();
  w.u32(0).u16(head.type).u16(head.flags).u32(head.sequence).u32(0);
  body(w);
  w.patchU32(0, w.length); // nlmsg_len
  return w.done();
}

/** All messages of one datagram, in order. */
export function parseNetlink(octets: Uint8Array): Result<readonly NetlinkMessage[], Malformed> {
  return decode(octets, "netlink datagram", (r) => {
    const messages: NetlinkMessage[] = [];
    while (r.left > 0) messages.push(parseMessage(r, octets));
    return messages;
  });
}

/** The content of an NLMSG_ERROR message (struct nlmsgerr). */
export function parseNetlinkError(message: NetlinkMessage): Result<NetlinkError, Malformed> {
  return decode(message.payload, "NLMSG_ERROR", (r) => {
    const errno = parseErrno(r);
    const quotedOctets = hostU32(r);
    r.skip(NETLINK_HEADER_OCTETS - 4); // rest of the quoted header
    if ((message.flags & NLM_F_ACK_TLVS) === 0) return { errno, text: undefined };
    if ((message.flags & NLM_F_CAPPED) === 0) {
      r.skip(Math.min(r.left, align4(Math.max(0, quotedOctets - NETLINK_HEADER_OCTETS))));
    }
    const text = parseAttributes(r).get(NLMSGERR_ATTR_MSG);
    return { errno, text: text === undefined ? undefined : parseText(text) };
  });
}

/** The errno that NLMSG_DONE ends a dump with; 0 is success. */
export function parseNetlinkDone(message: NetlinkMessage): Result<number, Malformed> {
  if (message.payload.length === 0) return ok(0);
  return decode(message.payload, "NLMSG_DONE", parseErrno);
}

function parseMessage(r: Reader, octets: Uint8Array): NetlinkMessage {
  const from = r.at;
  const length = hostU32(r);
  if (length < NETLINK_HEADER_OCTETS) r.fail(`message of ${length} octets, header has 16`);
  const body = r.sub(length - 4, "netlink message");
  // The last message of a datagram may lack its padding.
  r.skip(Math.min(r.left, align4(length) - length));
  return {
    type: hostU16(body),
    flags: hostU16(body),
    sequence: hostU32(body),
    portId: hostU32(body),
    // No copy: it may hold keys, and is wiped with the buffer.
    payload: octets.subarray(from + NETLINK_HEADER_OCTETS, from + length),
  };
}

/** Errors are sent as negative numbers. */
function parseErrno(r: Reader): number {
  return Math.abs(hostU32(r) | 0);
}

function parseText(octets: Uint8Array): string {
  const end = octets.indexOf(0);
  return new TextDecoder().decode(end < 0 ? octets : octets.subarray(0, end));
}

/** Where what follows begins (NLMSG_ALIGN, linux/netlink.h). */
export function align4(length: number): number {
  return (length + 3) & ~3;
}
