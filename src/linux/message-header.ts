/**
 * What sendmsg(2) and recvmsg(2) take: struct msghdr with one buffer, and control messages that
 * carry descriptors. The layout is that of 64-bit Linux in little-endian order, x86-64 and arm64;
 * where musl has a shorter field, it has padding, which is zero here.
 */

import { ptr } from "bun:ffi";

export type MessageHeader = {
  /** Points to the other two, which have to live as long as the call. */
  readonly header: Uint8Array;
  readonly vector: BigUint64Array;
  readonly parts: readonly Uint8Array[];
};

/** struct msghdr for one buffer and its control messages. */
export function messageHeader(octets: Uint8Array, control: Uint8Array): MessageHeader {
  const vector = BigUint64Array.of(addressOf(octets), BigInt(octets.length)); // struct iovec
  const fields = BigUint64Array.of(
    0n, // msg_name
    0n, // msg_namelen
    BigInt(ptr(vector)), // msg_iov
    1n, // msg_iovlen
    addressOf(control), // msg_control
    BigInt(control.length), // msg_controllen
    0n, // msg_flags
  );
  return { header: new Uint8Array(fields.buffer), vector, parts: [octets, control] };
}

/** One control message SCM_RIGHTS (struct cmsghdr); empty without descriptors. */
export function rightsMessage(descriptors: readonly number[]): Uint8Array {
  if (descriptors.length === 0) return new Uint8Array();
  const length = HEADER_OCTETS + 4 * descriptors.length;
  const octets = new Uint8Array(Math.ceil(length / 8) * 8);
  const numbers = new Int32Array(octets.buffer);
  // cmsg_len is 64 bits long.
  numbers.set([length, 0, SOL_SOCKET, SCM_RIGHTS, ...descriptors]);
  return octets;
}

/** An empty buffer has no address. */
function addressOf(octets: Uint8Array): bigint {
  return octets.length === 0 ? 0n : BigInt(ptr(octets));
}

const HEADER_OCTETS = 16;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
