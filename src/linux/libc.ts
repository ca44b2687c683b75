/** The C library's system calls through bun:ffi; each returns its result, or the negated errno. */

import { dlopen, FFIType, read } from "bun:ffi";
import { err, ok, type Result } from "../octets/result.ts";
import { type MessageHeader, messageHeader, rightsMessage } from "./message-header.ts";

export type Libc = {
  /** Makes a file descriptor, non-blocking and closed on exec. */
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, sockaddr: Uint8Array): number;
  /** Sets where `send` sends to from now on. */
  connect(fd: number, sockaddr: Uint8Array): number;
  /** Fills `sockaddr` with the address that the socket is bound to; returns 0. */
  boundTo(fd: number, sockaddr: Uint8Array): number;
  setOption(fd: number, option: SocketOption, value: Uint8Array): number;
  /** Fills `value`; returns 0. */
  getOption(fd: number, option: SocketOption, value: Uint8Array): number;
  send(fd: number, octets: Uint8Array): number;
  /** Sends to the connected end, with descriptors (SCM_RIGHTS, unix(7)); at most 253. */
  sendDescriptors(fd: number, octets: Uint8Array, descriptors: readonly number[]): number;
  /** Octets of the datagram: more than `into` holds if it was cut. */
  receive(fd: number, into: Uint8Array): number;
  /**
   * 1 as soon as there is something to receive, 0 after `ms` milliseconds without anything. Blocks.
   */
  awaitInput(fd: number, ms: number): number;
  close(fd: number): number;
  /** Another descriptor of the same socket, closed on exec. */
  duplicate(fd: number): number;
  /** Makes `onto` a descriptor of the socket of `fd`; what `onto` was before is closed. */
  duplicateOnto(fd: number, onto: number): number;
  /** From now on the descriptor is closed on exec. */
  closeOnExec(fd: number): number;
  /** From now on it stays open on exec. */
  keepOnExec(fd: number): number;
  /** A descriptor of a process, which is not mistaken for a later one (man 2 pidfd_open). */
  openProcess(pid: number): number;
  /**
   * A copy of another process's descriptor, closed on exec; needs the right to trace it
   * (man 2 pidfd_getfd).
   */
  descriptorOf(process: number, fd: number): number;
  /** Locks an open file for this process, unless another one holds the lock; returns 0. */
  lockFile(fd: number): number;
  /** Becomes another program; returns only if it fails. Both lists end with a null pointer. */
  execute(path: Uint8Array, args: BigUint64Array, environment: BigUint64Array): number;
  /** Opens files as this user and these groups from now on; returns whether that worked. */
  useFilesAs(uid: number, gid: number, groups: Uint32Array): boolean;
  /**
   * Keeps this process's memory out of core files and from other processes of the same user;
   * returns 0.
   */
  hideMemory(): number;
};

export type SocketOption = { readonly level: number; readonly name: number };

export type LibcUnavailable = { readonly kind: "libc-unavailable"; readonly detail: string };

/** The C library of this process, opened once. */
export function openLibc(): Result<Libc, LibcUnavailable> {
  opened ??= openFirst();
  return opened;
}

/** An `int` option value. */
export function intOption(value: number): Uint8Array {
  return new Uint8Array(new Int32Array([value]).buffer);
}

/** errno values that are needed as numbers. */
export const ENOENT = 2;
export const EPROTO = 71;

export const SOL_NETLINK = 270;
export const AF_UNIX = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;

let opened: Result<Libc, LibcUnavailable> | undefined;

/** glibc and musl name their library differently; musl by architecture. */
const CANDIDATES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1", "libc.so"];
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x80000;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const F_DUPFD_CLOEXEC = 1030;
const LOCK_EX_NB = 6;
/** The numbers of these system calls are the same on every architecture. */
const SYS_pidfd_open = 434;
const SYS_pidfd_getfd = 438;
const MSG_TRUNC = 0x20;
const POLLIN = 1;
const NOBODY_HAS = 0xffff_ffff;
const RLIMIT_CORE = 4;
const PR_SET_DUMPABLE = 4;

const SYMBOLS = {
  __errno_location: { args: [], returns: "ptr" },
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
  connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
  getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
  getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
  send: { args: ["i32", "ptr", FFIType.u64_fast, "i32"], returns: FFIType.i64_fast },
  recv: { args: ["i32", "ptr", FFIType.u64_fast, "i32"], returns: FFIType.i64_fast },
  sendmsg: { args: ["i32", "ptr", "i32"], returns: FFIType.i64_fast },
  poll: { args: ["ptr", FFIType.u64_fast, "i32"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  dup3: { args: ["i32", "i32", "i32"], returns: "i32" },
  flock: { args: ["i32", "i32"], returns: "i32" },
  syscall: { args: ["i64", "i64", "i64", "i64"], returns: FFIType.i64_fast },
  execve: { args: ["ptr", "ptr", "ptr"], returns: "i32" },
  setgroups: { args: [FFIType.u64_fast, "ptr"], returns: "i32" },
  setfsgid: { args: ["u32"], returns: "i32" },
  setfsuid: { args: ["u32"], returns: "i32" },
  setrlimit: { args: ["i32", "ptr"], returns: "i32" },
  prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" },
} as const;

function openFirst(): Result<Libc, LibcUnavailable> {
  const faults: string[] = [];
  for (const name of CANDIDATES) {
    try {
      return ok(wrap(dlopen(name, SYMBOLS).symbols));
    } catch (fault) {
      faults.push(`${name}: ${fault instanceof Error ? fault.message : String(fault)}`);
    }
  }
  return err({ kind: "libc-unavailable", detail: `no C library: ${faults.join("; ")}` });
}

/** Keeps the memory that the message of the present call points to. */
let inUse: MessageHeader | undefined;

type Symbols = ReturnType<typeof dlopen<typeof SYMBOLS>>["symbols"];

function wrap(c: Symbols): Libc {
  // errno is read right after the call: nothing that could change it runs in between.
  const result = (value: number | bigint): number => {
    const number = Number(value);
    if (number >= 0) return number;
    const errno = c.__errno_location();
    return errno === null ? -1 : -read.i32(errno);
  };
  return {
    socket: (domain, type, protocol) =>
      result(c.socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol)),
    bind: (fd, sockaddr) => result(c.bind(fd, sockaddr, sockaddr.length)),
    connect: (fd, sockaddr) => result(c.connect(fd, sockaddr, sockaddr.length)),
    boundTo: (fd, sockaddr) => result(c.getsockname(fd, sockaddr, intOption(sockaddr.length))),
    setOption: (fd, { level, name }, value) =>
      result(c.setsockopt(fd, level, name, value, value.length)),
    getOption: (fd, { level, name }, value) =>
      result(c.getsockopt(fd, level, name, value, intOption(value.length))),
    send: (fd, octets) => result(c.send(fd, octets, octets.length, 0)),
    sendDescriptors(fd, octets, descriptors) {
      inUse = messageHeader(octets, rightsMessage(descriptors));
      return result(c.sendmsg(fd, inUse.header, 0));
    },
    receive: (fd, into) => result(c.recv(fd, into, into.length, MSG_TRUNC)),
    awaitInput: (fd, ms) => result(c.poll(pollFd(fd), 1, ms)),
    close: (fd) => result(c.close(fd)),
    duplicate: (fd) => result(c.fcntl(fd, F_DUPFD_CLOEXEC, 0)),
    duplicateOnto: (fd, onto) => result(c.dup3(fd, onto, SOCK_CLOEXEC)),
    closeOnExec: (fd) => result(c.fcntl(fd, F_SETFD, FD_CLOEXEC)),
    keepOnExec: (fd) => result(c.fcntl(fd, F_SETFD, 0)),
    openProcess: (pid) => result(c.syscall(SYS_pidfd_open, pid, 0, 0)),
    descriptorOf: (process, fd) => result(c.syscall(SYS_pidfd_getfd, process, fd, 0)),
    lockFile: (fd) => result(c.flock(fd, LOCK_EX_NB)),
    execute: (path, args, environment) => result(c.execve(path, args, environment)),
    useFilesAs(uid, gid, groups) {
      if (c.setgroups(groups.length, groups) !== 0) return false;
      c.setfsgid(gid);
      c.setfsuid(uid);
      // They only return the previous value; with a number that does not exist they change nothing.
      return c.setfsgid(NOBODY_HAS) === gid && c.setfsuid(NOBODY_HAS) === uid;
    },
    hideMemory() {
      // Soft and hard limit.
      const none = c.setrlimit(RLIMIT_CORE, new BigUint64Array(2));
      return none === 0 ? result(c.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)) : result(none);
    },
  };
}

/** struct pollfd. */
function pollFd(fd: number): Uint8Array {
  const octets = new Uint8Array(8);
  new Int32Array(octets.buffer)[0] = fd;
  new Int16Array(octets.buffer)[2] = POLLIN;
  return octets;
}
