/** A netlink socket: requests and their answers, dumps in pieces (man 7 netlink). */

import { assert } from "../octets/assert.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { patchHostU16, patchHostU32 } from "../xfrm/host-order.ts";
import {
  align4,
  type NetlinkError,
  type NetlinkMessage,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  parseNetlink,
  parseNetlinkDone,
  parseNetlinkError,
} from "../xfrm/netlink.ts";
import { EPROTO, intOption, type Libc, SOCK_RAW, SOL_NETLINK, type SocketOption } from "./libc.ts";

/** Builds a message that carries this sequence number. */
export type EmitRequest = (sequence: number) => Uint8Array;

export const NETLINK_ROUTE = 0;
export const NETLINK_XFRM = 6;

/**
 * One socket for questions and answers, used synchronously: the kernel has answered by the time
 * `send` returns. Only one dump at a time, read to its end before anything else is asked.
 */
export class NetlinkSocket {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #buffer = new Uint8Array(RECEIVE_OCTETS);
  readonly #outgoing = new Uint8Array(SEND_OCTETS);
  #sequence = 0;
  /** The ID that the kernel's multicast messages about this socket's requests carry. */
  readonly portId: number;

  private constructor(libc: Libc, fd: number) {
    this.#libc = libc;
    this.#fd = fd;
    const sockaddr = new Uint8Array(12); // struct sockaddr_nl
    libc.boundTo(fd, sockaddr);
    this.portId = new Uint32Array(sockaddr.buffer)[1] ?? 0;
  }

  /** The kernel filters dumps as their requests say; one that cannot sends all there is. */
  filterDumps(): void {
    this.#libc.setOption(this.#fd, NETLINK_GET_STRICT_CHK, intOption(1));
  }

  /** A socket of `protocol`, or the errno. */
  static open(libc: Libc, protocol: number): Result<NetlinkSocket, number> {
    const fd = openNetlink(libc, protocol);
    if (fd < 0) return err(-fd);
    // Answers explain the error and do not quote the request, which holds keys. Kernels without
    // this option work anyway.
    libc.setOption(fd, NETLINK_EXT_ACK, intOption(1));
    libc.setOption(fd, NETLINK_CAP_ACK, intOption(1));
    return ok(new NetlinkSocket(libc, fd));
  }

  /** Requests a change: errno 0 if it was made. The request is wiped: it may hold keys. */
  request(emit: EmitRequest): NetlinkError {
    const sequence = this.#nextSequence();
    const sent = this.#send(emit(sequence));
    if (sent < 0) return { errno: -sent, text: undefined };
    for (let i = 0; i < STRAY_DATAGRAMS_MAX; i++) {
      const messages = this.#receive();
      if (!messages.ok) return { errno: messages.error, text: undefined };
      const answer = messages.value.find((message) => message.sequence === sequence);
      if (answer?.type === NLMSG_ERROR) return errorOf(answer);
    }
    return { errno: ETIMEDOUT, text: undefined };
  }

  /**
   * Requests changes as {@link request} does, many in one datagram: the kernel carries them out in
   * order, those after a refused one too. Only refusals and the last of a datagram are answered.
   * For requests without flags of their own, of up to {@link MESSAGE_OCTETS_MAX}.
   */
  requestAll(emits: readonly EmitRequest[]): readonly NetlinkError[] {
    const answers: NetlinkError[] = [];
    try {
      while (answers.length < emits.length) {
        const first = (this.#sequence + 1) >>> 0;
        const { sent, count } = this.#sendSome(emits, answers.length);
        const answered = sent < 0 ? allFailed(-sent, count) : this.#answersOf(first, count);
        for (const answer of answered) answers.push(answer);
      }
    } finally {
      // One that could not be written has left those before it here, with their keys.
      if (answers.length < emits.length) this.#outgoing.fill(0);
    }
    return answers;
  }

  /** Sends requests from `from` on, as many as fit into one datagram. */
  #sendSome(emits: readonly EmitRequest[], from: number): { sent: number; count: number } {
    let length = 0;
    let at = 0;
    let count = 0;
    for (let next = from; next < emits.length; next++) {
      const emit = emits[next];
      if (emit === undefined || length + MESSAGE_OCTETS_MAX > SEND_OCTETS) break;
      if (count > 0) patchHostU16(this.#outgoing, at + FLAGS_AT, NLM_F_REQUEST);
      const octets = emit(this.#nextSequence());
      assert(octets.length <= MESSAGE_OCTETS_MAX, "a request fits into the outgoing buffer");
      patchHostU32(octets, PORT_ID_AT, this.portId);
      at = length;
      this.#outgoing.set(octets, at);
      octets.fill(0);
      length = align4(at + octets.length);
      count++;
    }
    const datagram = this.#outgoing.subarray(0, length);
    const sent = this.#libc.send(this.#fd, datagram);
    datagram.fill(0);
    return { sent, count };
  }

  /** The answers to requests with the sequence numbers from `first` on. */
  #answersOf(first: number, count: number): readonly NetlinkError[] {
    const answers: (NetlinkError | undefined)[] = new Array(count).fill(undefined);
    for (let i = 0; i < STRAY_DATAGRAMS_MAX + count; i++) {
      const messages = this.#receive();
      if (!messages.ok) return answers.map((answer) => answer ?? failed(messages.error));
      for (const message of messages.value) {
        const index = (message.sequence - first) >>> 0;
        if (message.type === NLMSG_ERROR && index < count) answers[index] = errorOf(message);
      }
      if (answers[count - 1] !== undefined) return answers.map((answer) => answer ?? DONE);
    }
    return answers.map((answer) => answer ?? failed(ETIMEDOUT));
  }

  /** Requests one thing: a copy of the answer's payload, to be wiped if it may hold keys. */
  ask(emit: EmitRequest): Result<Uint8Array, NetlinkError> {
    const sequence = this.#nextSequence();
    const sent = this.#send(emit(sequence));
    if (sent < 0) return err({ errno: -sent, text: undefined });
    for (let i = 0; i < STRAY_DATAGRAMS_MAX; i++) {
      const messages = this.#receive();
      if (!messages.ok) return err({ errno: messages.error, text: undefined });
      const answer = messages.value.find((message) => message.sequence === sequence);
      if (answer === undefined) continue;
      if (answer.type === NLMSG_ERROR) return err(errorOf(answer));
      const payload = answer.payload.slice();
      this.#buffer.fill(0, 0, ANSWER_OCTETS_MAX);
      return ok(payload);
    }
    return err({ errno: ETIMEDOUT, text: undefined });
  }

  /**
   * Requests many things and yields them datagram by datagram; returns an errno at the end. The
   * messages are views that are valid until the next piece is requested. It has to be read to the
   * end.
   */
  *dump(emit: EmitRequest): Generator<readonly NetlinkMessage[], number, void> {
    const sequence = this.#nextSequence();
    const sent = this.#send(emit(sequence));
    if (sent < 0) return -sent;
    for (;;) {
      const received = this.#receive();
      if (!received.ok) return received.error;
      const messages = received.value.filter((message) => message.sequence === sequence);
      const end = messages.find(isEnd);
      yield messages.filter((message) => !isEnd(message));
      this.#buffer.fill(0); // dumped states contain their keys
      if (end !== undefined) return endErrno(end);
    }
  }

  close(): void {
    this.#libc.close(this.#fd);
  }

  #nextSequence(): number {
    this.#sequence = (this.#sequence + 1) >>> 0;
    return this.#sequence;
  }

  #send(octets: Uint8Array): number {
    // XFRM's multicast messages carry this value, not the ID of the socket.
    patchHostU32(octets, PORT_ID_AT, this.portId);
    const sent = this.#libc.send(this.#fd, octets);
    octets.fill(0);
    return sent;
  }

  /** One datagram, split into messages. */
  #receive(): Result<readonly NetlinkMessage[], number> {
    let length = this.#libc.receive(this.#fd, this.#buffer);
    if (length === -EAGAIN) {
      if (this.#libc.awaitInput(this.#fd, ANSWER_MS_MAX) === 0) return err(ETIMEDOUT);
      length = this.#libc.receive(this.#fd, this.#buffer);
    }
    if (length < 0) return err(-length);
    if (length > this.#buffer.length) return err(EMSGSIZE);
    const messages = parseNetlink(this.#buffer.subarray(0, length));
    return messages.ok ? messages : err(EPROTO);
  }
}

/** A bound netlink file descriptor, or the negated errno. */
export function openNetlink(libc: Libc, protocol: number): number {
  const fd = libc.socket(AF_NETLINK, SOCK_RAW, protocol);
  if (fd < 0) return fd;
  const sockaddr = new Uint8Array(12); // struct sockaddr_nl
  new Uint16Array(sockaddr.buffer)[0] = AF_NETLINK;
  const bound = libc.bind(fd, sockaddr);
  if (bound === 0) return fd;
  libc.close(fd);
  return bound;
}

/** Sets the size of a receive buffer, beyond the system's limit if this process may. */
export function forceReceiveBuffer(libc: Libc, fd: number, octets: number): void {
  const forced = libc.setOption(fd, SO_RCVBUFFORCE, intOption(octets));
  if (forced < 0) libc.setOption(fd, SO_RCVBUF, intOption(octets));
}

const AF_NETLINK = 16;
const SOL_SOCKET = 1;
const NETLINK_CAP_ACK: SocketOption = { level: SOL_NETLINK, name: 10 };
const NETLINK_EXT_ACK: SocketOption = { level: SOL_NETLINK, name: 11 };
const NETLINK_GET_STRICT_CHK: SocketOption = { level: SOL_NETLINK, name: 12 };
const SO_RCVBUF: SocketOption = { level: SOL_SOCKET, name: 8 };
const SO_RCVBUFFORCE: SocketOption = { level: SOL_SOCKET, name: 33 };

/** A piece of a dump is at most 32 KiB (NLMSG_GOODSIZE and what netlink_dump takes). */
const RECEIVE_OCTETS = 65_536;
/** One state with all its attributes is far smaller; wiping the whole buffer takes longer. */
const ANSWER_OCTETS_MAX = 8_192;
/** The kernel answers within the call; it takes longer only if it has to load a module first. */
const ANSWER_MS_MAX = 2_000;
/** Late answers to questions that were given up. */
const STRAY_DATAGRAMS_MAX = 16;

/** nlmsg_flags and nlmsg_pid. */
const FLAGS_AT = 6;
const PORT_ID_AT = 12;

/** A state with the longest keys and the largest replay window has half of that. */
const MESSAGE_OCTETS_MAX = 2_048;
/** A sixth of what a socket may send by default. */
const SEND_OCTETS = 32_768;

const DONE: NetlinkError = { errno: 0, text: undefined };

const EAGAIN = 11;
const EMSGSIZE = 90;
const ETIMEDOUT = 110;

function failed(errno: number): NetlinkError {
  return { errno, text: undefined };
}

function allFailed(errno: number, count: number): readonly NetlinkError[] {
  return Array.from({ length: count }, () => failed(errno));
}

function isEnd(message: NetlinkMessage): boolean {
  return message.type === NLMSG_DONE || message.type === NLMSG_ERROR;
}

function endErrno(message: NetlinkMessage): number {
  if (message.type === NLMSG_ERROR) return errorOf(message).errno;
  const errno = parseNetlinkDone(message);
  return errno.ok ? errno.value : EPROTO;
}

function errorOf(message: NetlinkMessage): NetlinkError {
  const parsed = parseNetlinkError(message);
  return parsed.ok ? parsed.value : { errno: EPROTO, text: parsed.error.detail };
}
