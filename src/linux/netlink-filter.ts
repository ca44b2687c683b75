/**
 * Filters for netlink's multicast groups (classic BPF, linux/filter.h): the kernel wakes us only
 * for messages that we want: not for our own changes, and never with keys of states.
 */

import { ptr } from "bun:ffi";
import type { Libc } from "./libc.ts";

export type NetlinkFilter = {
  /** nlmsg_type: all others are dropped. */
  readonly types: readonly number[];
  /** nlmsg_pid of messages that are dropped: our own requests. */
  readonly notBy: readonly number[];
  /** An octet of the message that has to have this value. */
  readonly octet?: { readonly at: number; readonly value: number };
};

/** Attaches it. Returns the negated errno if the kernel refuses it: then more messages arrive. */
export function attachFilter(libc: Libc, fd: number, filter: NetlinkFilter): number {
  const program = programOf(filter);
  const fprog = new DataView(new ArrayBuffer(16)); // struct sock_fprog
  fprog.setUint16(0, program.length / INSTRUCTION_OCTETS, true);
  fprog.setBigUint64(8, BigInt(ptr(program)), true);
  return libc.setOption(fd, SO_ATTACH_FILTER, new Uint8Array(fprog.buffer));
}

const SO_ATTACH_FILTER = { level: 1, name: 26 };
const INSTRUCTION_OCTETS = 8;
const TYPE_AT = 4;
const PORT_AT = 12;

/** BPF_LD | BPF_ABS of each size, BPF_JMP | BPF_JEQ | BPF_K, BPF_RET | BPF_K. */
const LOAD = { 1: 0x30, 2: 0x28, 4: 0x20 } as const;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;
const ALL = 0xffff_ffff;

/** One check after the other; a message that fails one is dropped. */
function programOf({ types, notBy, octet }: NetlinkFilter): Uint8Array {
  const lines: (readonly [code: number, jumpTrue: number, jumpFalse: number, value: number])[] = [];
  lines.push([LOAD[2], 0, 0, TYPE_AT]);
  types.forEach((type, at) => {
    // Jumps over the rest of the list and the drop after it.
    lines.push([JUMP_IF_EQUAL, types.length - at, 0, loaded(type, 2)]);
  });
  lines.push([RETURN, 0, 0, 0]);
  if (octet !== undefined) {
    lines.push([LOAD[1], 0, 0, octet.at], [JUMP_IF_EQUAL, 1, 0, octet.value], [RETURN, 0, 0, 0]);
  }
  lines.push([LOAD[4], 0, 0, PORT_AT]);
  for (const port of notBy) {
    lines.push([JUMP_IF_EQUAL, 0, 1, loaded(port, 4)], [RETURN, 0, 0, 0]);
  }
  lines.push([RETURN, 0, 0, ALL]);
  const program = new DataView(new ArrayBuffer(lines.length * INSTRUCTION_OCTETS));
  lines.forEach(([code, jumpTrue, jumpFalse, value], at) => {
    const from = at * INSTRUCTION_OCTETS;
    program.setUint16(from, code, true);
    program.setUint8(from + 2, jumpTrue);
    program.setUint8(from + 3, jumpFalse);
    program.setUint32(from + 4, value, true);
  });
  return new Uint8Array(program.buffer);
}

/** BPF loads in network order what netlink writes in host order, which is little-endian. */
function loaded(value: number, octets: 2 | 4): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, value, true);
  return octets === 2 ? view.getUint16(0) : view.getUint32(0);
}
