/**
 * A bound UDP socket of IKE and its options: a new one, or one that an earlier process has left
 * open. Its options are in force before it receives anything.
 */

import type { Address } from "../inet/address.ts";
import { type Endpoint, equalEndpoint, formatEndpoint } from "../inet/endpoint.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { AF_INET, AF_INET6 } from "../xfrm/address.ts";
import { errnoName } from "../xfrm/errno.ts";
import { HostWriter } from "../xfrm/host-order.ts";
import { emitPolicyInfo } from "../xfrm/policy-message.ts";
import { UDP_ENCAP_ESPINUDP } from "../xfrm/state-message.ts";
import { intOption, type Libc, SOCK_DGRAM, type SocketOption } from "./libc.ts";
import { forceReceiveBuffer } from "./netlink-socket.ts";
import { parseSocketAddress, SOCKADDR_OCTETS_MAX, socketAddress } from "./socket-address.ts";

export type SocketPlace = {
  readonly address: Address;
  /** 0 takes any free port. */
  readonly port: number;
  /** All messages carry non-ESP markers, and the kernel takes the ESP in UDP out. */
  readonly natTraversal: boolean;
  /**
   * Exempt from policies, and with ESP in UDP: needs CAP_NET_ADMIN. False without a kernel data
   * path.
   */
  readonly kernelPolicies: boolean;
};

export type SocketFault = {
  readonly kind: "socket";
  /** `192.0.2.1:500`. */
  readonly local: string;
  /** `bind`. */
  readonly operation: string;
  /** `EADDRINUSE`. */
  readonly errno: string;
  readonly detail: string;
};

/** A new socket: its file descriptor. */
export function boundSocket(libc: Libc, place: SocketPlace): Result<number, SocketFault> {
  const fd = libc.socket(place.address.family === 4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
  if (fd < 0) return err(socketFault(place, "socket", -fd));
  if (place.address.family === 6) libc.setOption(fd, IPV6_V6ONLY, intOption(1));
  const fault = setOptions(libc, fd, place);
  if (fault !== undefined) {
    libc.close(fd);
    return err(fault);
  }
  const bound = libc.bind(fd, socketAddress(place));
  if (bound >= 0) return ok(fd);
  libc.close(fd);
  return err(socketFault(place, "bind", -bound));
}

/**
 * Makes a socket that an earlier process left open what a new one would be. Its configuration may
 * have been another one, so every option is set again, and compared. It stays open in any case.
 */
export function renewSocket(libc: Libc, fd: number, place: SocketPlace): SocketFault | undefined {
  const local = boundEndpoint(libc, fd);
  if (local === undefined || !equalEndpoint(local, place)) {
    return socketFault(place, "take over", EBADF);
  }
  const fault = setOptions(libc, fd, place);
  if (fault !== undefined) return fault;
  const wanted = place.kernelPolicies && place.natTraversal ? UDP_ENCAP_ESPINUDP : 0;
  if (intOf(libc, fd, UDP_ENCAP) === wanted) return undefined;
  const set = libc.setOption(fd, UDP_ENCAP, intOption(wanted));
  return set < 0 ? socketFault(place, "setsockopt UDP_ENCAP", -set) : undefined;
}

/** Where a UDP socket is bound; undefined for a descriptor of any other kind. */
export function boundEndpoint(libc: Libc, fd: number): Endpoint | undefined {
  if (intOf(libc, fd, SO_TYPE) !== SOCK_DGRAM) return undefined;
  if (intOf(libc, fd, SO_PROTOCOL) !== IPPROTO_UDP) return undefined;
  const sockaddr = new Uint8Array(SOCKADDR_OCTETS_MAX);
  const local = libc.boundTo(fd, sockaddr) < 0 ? undefined : parseSocketAddress(sockaddr);
  return local?.port === 0 ? undefined : local;
}

export function socketFault(local: Endpoint, operation: string, number: number): SocketFault {
  const errno = errnoName(number);
  const detail = EXPLANATIONS[errno] ?? "the kernel gave no reason";
  return { kind: "socket", local: formatEndpoint(local), operation, errno, detail };
}

function setOptions(libc: Libc, fd: number, place: SocketPlace): SocketFault | undefined {
  const { address, natTraversal, kernelPolicies } = place;
  forceReceiveBuffer(libc, fd, RECEIVE_BUFFER_OCTETS);
  // No DF: a router with a smaller MTU fragments long packets, although it may not say so. IPv6 has
  // no such routers; there the size of IKE's own fragments counts (RFC 7383).
  if (address.family === 4) libc.setOption(fd, IP_MTU_DISCOVER, intOption(IP_PMTUDISC_DONT));
  if (!kernelPolicies) return undefined;
  const bypassed = bypassPolicies(libc, fd, address);
  if (bypassed < 0) return socketFault(place, "setsockopt IP_XFRM_POLICY", -bypassed);
  if (!natTraversal) return undefined;
  const set = libc.setOption(fd, UDP_ENCAP, intOption(UDP_ENCAP_ESPINUDP));
  return set < 0 ? socketFault(place, "setsockopt UDP_ENCAP", -set) : undefined;
}

/** The socket's own policies let everything pass: IKE itself is never to be protected by ESP. */
function bypassPolicies(libc: Libc, fd: number, { family }: Address): number {
  const all = { family, value: 0n, length: 0 };
  const ports = { protocol: 0, srcPort: undefined, dstPort: undefined };
  for (const direction of ["in", "out"] as const) {
    const selector = { src: all, dst: all, ...ports };
    const id = { selector, direction, mark: undefined, ifId: undefined };
    const w = new HostWriter();
    emitPolicyInfo(w, { id, priority: 0, action: "pass", template: undefined });
    const option = family === 4 ? IP_XFRM_POLICY : IPV6_XFRM_POLICY;
    const set = libc.setOption(fd, option, w.done());
    if (set < 0) return set;
  }
  return 0;
}

/** Undefined if the socket does not have this option. */
function intOf(libc: Libc, fd: number, option: SocketOption): number | undefined {
  const value = new Int32Array(1);
  const done = libc.getOption(fd, option, new Uint8Array(value.buffer));
  return done < 0 ? undefined : value[0];
}

const EXPLANATIONS: { readonly [errno: string]: string } = {
  EACCES: "CAP_NET_BIND_SERVICE is missing for a port below 1024: give it, or run as root",
  EPERM: "CAP_NET_ADMIN is missing: give it, or run as root",
  EADDRINUSE: "another program has this port: another IKE daemon, or erouted runs already",
  EADDRNOTAVAIL: "no interface has this address",
  EAFNOSUPPORT: "the kernel does not have this address family",
  EBADF: "the descriptor is not a UDP socket of this address and port",
  ENOPROTOOPT: "the kernel lacks this option: CONFIG_XFRM, and for IPv6 a kernel of 5.8 or later",
  EOPNOTSUPP: "the kernel lacks this option: CONFIG_XFRM, and for IPv6 a kernel of 5.8 or later",
};

/** Some 3,000 messages of half a KiB, as the kernel counts them: the storm of one turn. */
const RECEIVE_BUFFER_OCTETS = 8 * 1024 * 1024;

const EBADF = 9;
const SOL_SOCKET = 1;
const IPPROTO_IP = 0;
const IPPROTO_UDP = 17;
const IPPROTO_IPV6 = 41;
const SO_TYPE: SocketOption = { level: SOL_SOCKET, name: 3 };
const SO_PROTOCOL: SocketOption = { level: SOL_SOCKET, name: 38 };
const IP_XFRM_POLICY: SocketOption = { level: IPPROTO_IP, name: 17 };
const IPV6_XFRM_POLICY: SocketOption = { level: IPPROTO_IPV6, name: 35 };
const IPV6_V6ONLY: SocketOption = { level: IPPROTO_IPV6, name: 26 };
const UDP_ENCAP: SocketOption = { level: IPPROTO_UDP, name: 100 };
const IP_MTU_DISCOVER: SocketOption = { level: IPPROTO_IP, name: 10 };
const IP_PMTUDISC_DONT = 0;
