/**
 * The UDP sockets of IKE in the event loop: markers, keepalives, turns (RFC 3948, RFC 7296 §2.23).
 */

import { type Address, formatAddress, parseAddress } from "../inet/address.ts";
import type { Endpoint } from "../inet/endpoint.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { AF_INET, AF_INET6 } from "../xfrm/address.ts";
import {
  boundSocket,
  renewSocket,
  type SocketFault,
  type SocketPlace,
  socketFault,
} from "./bound-socket.ts";
import { ENOENT, type Libc, openLibc, SOCK_DGRAM, type SocketOption } from "./libc.ts";

export type IkeSocketOptions = SocketPlace & {
  /** A socket of this place that an earlier process left open, instead of a new one. */
  readonly kept?: number | undefined;
  /** `octets` without the marker; they belong to the receiver: each datagram has its own memory. */
  readonly onDatagram: (octets: Uint8Array, remote: Endpoint) => void;
};

export type IkeSocket = {
  readonly local: Endpoint;
  /** The socket itself, for whoever keeps it open beyond this process. */
  readonly descriptor: number;
  /** Datagrams that were received and not passed on. */
  readonly dropped: Readonly<SocketDrops>;
  /**
   * Sends one message, with a non-ESP marker under `natTraversal`; the single octet 0xff, a NAT
   * keepalive (RFC 3948 §2.3), without one. It leaves at {@link IkeSocket.flush}, or when this turn
   * of the event loop ends, with all others of the turn: one call of the system for many takes a
   * third less time. False if it cannot be sent: the peer's silence is handled anyway.
   */
  send(octets: Uint8Array, remote: Endpoint): boolean;
  /** Sends what waits for the end of the turn. */
  flush(): void;
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

/** Opens a socket on one address; IPv6 sockets take no IPv4. */
export async function openIkeSocket(
  options: IkeSocketOptions,
): Promise<Result<IkeSocket, SocketFault>> {
  const libc = openLibc();
  if (!libc.ok) return err(socketFault(options, "open the C library", ENOENT));
  const { kept } = options;
  const fault = kept === undefined ? undefined : renewSocket(libc.value, kept, options);
  if (fault !== undefined) return err(fault);
  const fd = kept === undefined ? boundSocket(libc.value, options) : ok(kept);
  if (!fd.ok) return fd;
  return ok(await attach(libc.value, fd.value, options));
}

/** struct sk_meminfo: nine numbers, the last is how many datagrams found no room. */
const SO_MEMINFO: SocketOption = { level: 1, name: 55 };
const SK_MEMINFO_DROPS = 8;
const MARKER_OCTETS = 4;
/** The whole of a NAT-keepalive packet (RFC 3948 §2.3). */
export const NAT_KEEPALIVE = 0xff;
/** Remote addresses whose text form is cached, in each direction. */
const TEXTS_MAX = 8_192;

/** A new socket has room to write at once. */
const SETTLE_MS_MAX = 100;

/** Hands the descriptor to the event loop, which closes it from then on. */
async function attach(libc: Libc, fd: number, options: IkeSocketOptions): Promise<IkeSocket> {
  const gate = createGate(libc, fd, options.address.family);
  const settled = Promise.withResolvers<void>();
  const dropped: SocketDrops = { keepalives: 0, withoutMarker: 0, unusable: 0 };
  const onData = receiver(options, dropped);
  const socketOptions = {
    fd, // not in Bun's types
    binaryType: "uint8array" as const,
    socket: {
      data: (_: unknown, octets: Uint8Array, port: number, text: string) => {
        onData(octets, port, text);
      },
      // Bun waits for room to write at first, and after a send that found none. Now it no longer
      // does, and has told epoll so.
      drain() {
        gate.settle();
        settled.resolve();
      },
      error: () => {}, // ICMP errors prove nothing (RFC 7296 §2.4)
    },
  };
  const socket = await Bun.udpSocket(socketOptions);
  // One of an earlier process may hold messages, which must not come before they are awaited.
  if (options.kept === undefined) {
    await Promise.race([settled.promise, Bun.sleep(SETTLE_MS_MAX)]);
  }
  const texts = boundedCache(formatAddress, (address: Address) => address.value);
  const outbox = createOutbox(socket, gate);
  const send = (octets: Uint8Array, { address, port }: Endpoint): boolean => {
    if (socket.closed || address.family !== options.address.family) return false;
    const datagram = options.natTraversal && !isKeepalive(octets) ? marked(octets) : octets;
    outbox.add(datagram, port, texts(address));
    return true;
  };
  const local = { address: options.address, port: socket.port };
  const close = () => {
    outbox.flush();
    gate.close();
    socket.close();
  };
  const lost = lossCounter(libc, gate.real);
  const descriptor = gate.real;
  const { flush } = outbox;
  return {
    local,
    descriptor,
    dropped,
    send,
    flush,
    pause: gate.shut,
    resume: gate.open,
    lost,
    close,
  };
}

type Outbox = {
  add(datagram: Uint8Array, port: number, host: string): void;
  /** Sends what waits now. */
  flush(): void;
};

/** Datagrams that leave together. */
function createOutbox(socket: Pick<Bun.udp.Socket<"uint8array">, "sendMany">, gate: Gate): Outbox {
  /** Datagram, port and address of each, as Bun takes them. */
  let waiting: (Uint8Array | number | string)[] = [];
  let atEnd: ReturnType<typeof setImmediate> | undefined;
  const flush = (): void => {
    if (waiting.length === 0) return;
    // Otherwise the event loop would turn once more for it.
    clearImmediate(atEnd);
    const leaving = waiting;
    waiting = [];
    gate.open();
    sendAll(socket, leaving, gate.unsettle);
  };
  return {
    add(datagram, port, host) {
      if (waiting.length === 0) atEnd = setImmediate(flush);
      waiting.push(datagram, port, host);
      if (waiting.length >= PARTS * TOGETHER_MAX) flush();
    },
    flush,
  };
}

/** The parts of a datagram in a list: itself, port and address. */
const PARTS = 3;
/** More of them in one call save nothing more. */
const TOGETHER_MAX = 32;

/** A datagram that cannot be sent does not keep back those behind it. */
function sendAll(
  socket: Pick<Bun.udp.Socket<"uint8array">, "sendMany">,
  datagrams: readonly (Uint8Array | number | string)[],
  onFull: () => void,
): void {
  for (let from = 0; from < datagrams.length; ) {
    const rest = from === 0 ? datagrams : datagrams.slice(from);
    try {
      const sent = PARTS * socket.sendMany(rest);
      if (sent < rest.length) onFull();
      if (sent === 0) return; // the socket has no room
      from += sent;
    } catch {
      from += PARTS; // ENETUNREACH and the like: the route may come back
    }
  }
}

/** Counts on from one call to the next; the kernel's counter has 32 bits. */
function lossCounter(libc: Libc, fd: number): () => number {
  const numbers = new Uint32Array(SK_MEMINFO_DROPS + 1);
  const count = (): number | undefined => {
    const done = libc.getOption(fd, SO_MEMINFO, new Uint8Array(numbers.buffer));
    return done < 0 ? undefined : numbers[SK_MEMINFO_DROPS];
  };
  // A socket that an earlier process used has its count.
  let before = count() ?? 0;
  return () => {
    const total = count();
    if (total === undefined) return 0;
    const lost = (total - before) >>> 0;
    before = total;
    return lost;
  };
}

type Gate = {
  /** The socket itself, also while the gate is shut. */
  readonly real: number;
  open(): void;
  /** As soon as it is settled, unless it is opened again before. */
  shut(): void;
  /** Bun waits for nothing but datagrams. */
  settle(): void;
  /** Bun waits for room to write as well. */
  unsettle(): void;
  close(): void;
};

/**
 * Stops reading without the event loop's help: while the gate is shut, an empty socket replaces the
 * real one under the descriptor that Bun reads. The real one stays open under another descriptor,
 * so epoll goes on reporting it (epoll(7), "closing a file descriptor"), and reading goes on once
 * it is back. Meanwhile Bun cannot tell epoll what to wait for: that would fail, and epoll would go
 * on reporting room to write, in a busy loop. So the gate is shut only while Bun has nothing to
 * tell.
 */
function createGate(libc: Libc, fd: number, family: Address["family"]): Gate {
  const real = libc.duplicate(fd);
  const empty = libc.socket(family === 4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
  const canShut = real >= 0 && empty >= 0;
  let isWanted = false;
  let isShut = false;
  let isSettled = false;
  const open = () => {
    isWanted = false;
    if (isShut) libc.duplicateOnto(real, fd);
    isShut = false;
  };
  const shutIfWanted = () => {
    if (canShut && isWanted && isSettled && !isShut) isShut = libc.duplicateOnto(empty, fd) >= 0;
  };
  return {
    real: real >= 0 ? real : fd,
    open,
    shut: () => {
      isWanted = true;
      shutIfWanted();
    },
    settle: () => {
      isSettled = true;
      shutIfWanted();
    },
    unsettle: () => {
      isSettled = false;
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
    else onDatagram(octets.slice(MARKER_OCTETS), { address, port });
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
