/**
 * The UDP sockets of IKE (RFC 7296 §2.23, RFC 3948). Each gets its options before it is bound and
 * handed to the event loop: no datagram arrives before the options are in force.
 */

import { type Address, formatAddress, parseAddress } from "../inet/address.ts";
import { type Endpoint, formatEndpoint } from "../inet/endpoint.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { AF_INET, AF_INET6 } from "../xfrm/address.ts";
import { errnoName } from "../xfrm/errno.ts";
import { HostWriter } from "../xfrm/host-order.ts";
import { emitPolicyInfo } from "../xfrm/policy-message.ts";
import { UDP_ENCAP_ESPINUDP } from "../xfrm/state-message.ts";
import { ENOENT, intOption, type Libc, openLibc, SOCK_DGRAM, type SocketOption } from "./libc.ts";
import { forceReceiveBuffer } from "./netlink-socket.ts";
import { socketAddress } from "./socket-address.ts";

export type IkeSocketOptions = {
  readonly address: Address;
  /** 0 takes any free port: see `local`. */
  readonly port: number;
  /** All messages carry non-ESP markers, and the kernel takes the ESP in UDP out. */
  readonly natTraversal: boolean;
  /**
   * Exempt from policies, and with ESP in UDP: needs CAP_NET_ADMIN. False without a kernel data
   * path.
   */
  readonly kernelPolicies: boolean;
  /** `octets` without the marker; they belong to the receiver: each datagram has its own memory. */
  readonly onDatagram: (octets: Uint8Array, remote: Endpoint) => void;
};

export type IkeSocket = {
  readonly local: Endpoint;
  /** Datagrams that were received and not passed on. */
  readonly dropped: Readonly<SocketDrops>;
  /**
   * Sends one message, with a non-ESP marker under `natTraversal`; the single octet 0xff, a NAT
   * keepalive (RFC 3948 §2.3), without one. False if it could not be sent: the peer's silence is
   * handled anyway.
   */
  send(octets: Uint8Array, remote: Endpoint): boolean;
  /**
   * Ends the present turn of receiving; what has arrived waits in the kernel. Bun reads a socket
   * until it is empty, so a flood would keep timers and all other sockets waiting.
   */
  pause(): void;
  /** Receives again from the event loop's next turn on. */
  resume(): void;
  /** Datagrams lost since the last call, because the socket was full when they arrived. */
  lost(): number;
  close(): void;
};

export type SocketDrops = {
  /** NAT keepalives: they have served their purpose on the way. */
  keepalives: number;
  /** On port 4500 without marker: ESP that the kernel did not take, or noise. */
  withoutMarker: number;
  /** From an address that cannot be answered: link-local, or longer than fits. */
  unusable: number;
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

/** Opens a socket on one address; IPv6 sockets take no IPv4. */
export async function openIkeSocket(
  options: IkeSocketOptions,
): Promise<Result<IkeSocket, SocketFault>> {
  const libc = openLibc();
  if (!libc.ok) return err(socketFault(options, "open the C library", ENOENT));
  const fd = boundSocket(libc.value, options);
  if (!fd.ok) return fd;
  return ok(await attach(libc.value, fd.value, options));
}

const IPPROTO_IP = 0;
const IPPROTO_UDP = 17;
const IPPROTO_IPV6 = 41;
const IP_XFRM_POLICY: SocketOption = { level: IPPROTO_IP, name: 17 };
const IPV6_XFRM_POLICY: SocketOption = { level: IPPROTO_IPV6, name: 35 };
const IPV6_V6ONLY: SocketOption = { level: IPPROTO_IPV6, name: 26 };
const UDP_ENCAP: SocketOption = { level: IPPROTO_UDP, name: 100 };
/** struct sk_meminfo: nine numbers, the last is how many datagrams found no room. */
const SO_MEMINFO: SocketOption = { level: 1, name: 55 };
const SK_MEMINFO_DROPS = 8;
const IP_MTU_DISCOVER: SocketOption = { level: IPPROTO_IP, name: 10 };
const IP_PMTUDISC_DONT = 0;

/** Some 3,000 messages of half a KiB, as the kernel counts them: the storm of one turn. */
const RECEIVE_BUFFER_OCTETS = 8 * 1024 * 1024;
const MARKER_OCTETS = 4;
/** The whole of a NAT-keepalive packet (RFC 3948 §2.3). */
export const NAT_KEEPALIVE = 0xff;
/** Remote addresses whose text form is cached, in each direction. */
const TEXTS_MAX = 8_192;

/** A bound file descriptor with all its options. */
function boundSocket(libc: Libc, options: IkeSocketOptions): Result<number, SocketFault> {
  const { address, port, natTraversal, kernelPolicies } = options;
  const fd = libc.socket(address.family === 4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
  if (fd < 0) return err(socketFault(options, "socket", -fd));
  const refuse = (operation: string, result: number): Result<number, SocketFault> => {
    libc.close(fd);
    return err(socketFault(options, operation, -result));
  };
  forceReceiveBuffer(libc, fd, RECEIVE_BUFFER_OCTETS);
  if (address.family === 6) libc.setOption(fd, IPV6_V6ONLY, intOption(1));
  // No DF: a router with a smaller MTU fragments long packets, although it may not say so. IPv6 has
  // no such routers; there the size of IKE's own fragments counts (RFC 7383).
  else libc.setOption(fd, IP_MTU_DISCOVER, intOption(IP_PMTUDISC_DONT));
  if (kernelPolicies) {
    const bypassed = bypassPolicies(libc, fd, address);
    if (bypassed < 0) return refuse("setsockopt IP_XFRM_POLICY", bypassed);
  }
  if (kernelPolicies && natTraversal) {
    const set = libc.setOption(fd, UDP_ENCAP, intOption(UDP_ENCAP_ESPINUDP));
    if (set < 0) return refuse("setsockopt UDP_ENCAP", set);
  }
  const bound = libc.bind(fd, socketAddress({ address, port }));
  return bound < 0 ? refuse("bind", bound) : ok(fd);
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

/** Hands the descriptor to the event loop, which closes it from then on. */
async function attach(libc: Libc, fd: number, options: IkeSocketOptions): Promise<IkeSocket> {
  const gate = createGate(libc, fd, options.address.family);
  const dropped: SocketDrops = { keepalives: 0, withoutMarker: 0, unusable: 0 };
  const onData = receiver(options, dropped);
  const socketOptions = {
    fd, // not in Bun's types
    binaryType: "uint8array" as const,
    socket: {
      data: (_: unknown, octets: Uint8Array, port: number, text: string) => {
        onData(octets, port, text);
      },
      error: () => {}, // ICMP errors prove nothing (RFC 7296 §2.4)
    },
  };
  const socket = await Bun.udpSocket(socketOptions);
  const texts = boundedCache(formatAddress, (address: Address) => address.value);
  const send = (octets: Uint8Array, { address, port }: Endpoint): boolean => {
    if (socket.closed || address.family !== options.address.family) return false;
    gate.open();
    const datagram = options.natTraversal && !isKeepalive(octets) ? marked(octets) : octets;
    try {
      return socket.send(datagram, port, texts(address));
    } catch {
      return false; // ENETUNREACH and the like: the route may come back
    }
  };
  const local = { address: options.address, port: socket.port };
  const close = () => {
    gate.close();
    socket.close();
  };
  const lost = lossCounter(libc, gate.real);
  return { local, dropped, send, pause: gate.shut, resume: gate.open, lost, close };
}

/** Counts on from one call to the next; the kernel's counter has 32 bits. */
function lossCounter(libc: Libc, fd: number): () => number {
  const numbers = new Uint32Array(SK_MEMINFO_DROPS + 1);
  let before = 0;
  return () => {
    if (libc.getOption(fd, SO_MEMINFO, new Uint8Array(numbers.buffer)) < 0) return 0;
    const total = numbers[SK_MEMINFO_DROPS] ?? 0;
    const lost = (total - before) >>> 0;
    before = total;
    return lost;
  };
}

type Gate = {
  /** The socket itself, also while the gate is shut. */
  readonly real: number;
  open(): void;
  shut(): void;
  close(): void;
};

/**
 * Stops reading without the event loop's help: while the gate is shut, an empty socket replaces the
 * real one under the descriptor that Bun reads. The real one stays open under another descriptor,
 * so epoll goes on reporting it (epoll(7), "closing a file descriptor"), and reading goes on once
 * it is back.
 */
function createGate(libc: Libc, fd: number, family: Address["family"]): Gate {
  const real = libc.duplicate(fd);
  const empty = libc.socket(family === 4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
  const canShut = real >= 0 && empty >= 0;
  let isShut = false;
  const open = () => {
    if (isShut) libc.duplicateOnto(real, fd);
    isShut = false;
  };
  return {
    real: real >= 0 ? real : fd,
    open,
    shut: () => {
      if (canShut && !isShut) isShut = libc.duplicateOnto(empty, fd) >= 0;
    },
    close: () => {
      open();
      for (const one of [real, empty]) if (one >= 0) libc.close(one);
    },
  };
}

/** Takes a datagram apart and passes it on if it is a message. */
function receiver(
  { natTraversal, onDatagram }: IkeSocketOptions,
  dropped: SocketDrops,
): (octets: Uint8Array, port: number, text: string) => void {
  const addresses = boundedCache(parseAddress, (text: string) => text);
  return (octets, port, text) => {
    const address = addresses(text);
    if (address === undefined) dropped.unusable++;
    else if (isKeepalive(octets)) dropped.keepalives++;
    else if (!natTraversal) onDatagram(octets, { address, port });
    else if (!hasMarker(octets)) dropped.withoutMarker++;
    else onDatagram(octets.subarray(MARKER_OCTETS), { address, port });
  };
}

/** The non-ESP marker: four zero octets in the place of the SPI of ESP (RFC 3948 §2.2). */
function hasMarker(octets: Uint8Array): boolean {
  if (octets.length <= MARKER_OCTETS) return false;
  return octets[0] === 0 && octets[1] === 0 && octets[2] === 0 && octets[3] === 0;
}

function marked(octets: Uint8Array): Uint8Array {
  const datagram = new Uint8Array(MARKER_OCTETS + octets.length);
  datagram.set(octets, MARKER_OCTETS);
  return datagram;
}

function isKeepalive(octets: Uint8Array): boolean {
  return octets.length === 1 && octets[0] === NAT_KEEPALIVE;
}

/** Caches results for recent remote addresses; starts afresh when it is full. */
function boundedCache<In, Key, Out>(
  compute: (value: In) => Out,
  keyOf: (value: In) => Key,
): (value: In) => Out {
  const known = new Map<Key, Out>();
  return (value) => {
    const key = keyOf(value);
    const found = known.get(key);
    if (found !== undefined) return found;
    const computed = compute(value);
    if (known.size >= TEXTS_MAX) known.clear();
    known.set(key, computed);
    return computed;
  };
}

function socketFault(local: Endpoint, operation: string, number: number): SocketFault {
  const errno = errnoName(number);
  const detail = EXPLANATIONS[errno] ?? "the kernel gave no reason";
  return { kind: "socket", local: formatEndpoint(local), operation, errno, detail };
}

const EXPLANATIONS: { readonly [errno: string]: string } = {
  EACCES: "CAP_NET_BIND_SERVICE is missing for a port below 1024: give it, or run as root",
  EPERM: "CAP_NET_ADMIN is missing: give it, or run as root",
  EADDRINUSE: "another program has this port: another IKE daemon, or erouted runs already",
  EADDRNOTAVAIL: "no interface has this address",
  EAFNOSUPPORT: "the kernel does not have this address family",
  ENOPROTOOPT: "the kernel lacks this option: CONFIG_XFRM, and for IPv6 a kernel of 5.8 or later",
  EOPNOTSUPP: "the kernel lacks this option: CONFIG_XFRM, and for IPv6 a kernel of 5.8 or later",
};
