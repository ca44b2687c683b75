/**
 * The socket through which we report to a service manager: datagrams of lines (man 3 sd_notify).
 */

import { err, ok, type Result } from "../octets/result.ts";
import { AF_UNIX, type Libc, SOCK_DGRAM } from "./libc.ts";

export type NotifySocket = {
  /** Returns 0 or the negated errno: we do not wait for a manager that does not read. */
  send(text: string): number;
  /** The same, with descriptors that the manager gets a copy of. */
  sendWith(text: string, descriptors: readonly number[]): number;
  close(): void;
};

/** Connects to `name`: a path, or `@` and an abstract name. The error is an errno. */
export function openNotifySocket(libc: Libc, name: string): Result<NotifySocket, number> {
  const sockaddr = unixAddress(name);
  if (sockaddr === undefined) return err(EINVAL);
  const fd = libc.socket(AF_UNIX, SOCK_DGRAM, 0);
  if (fd < 0) return err(-fd);
  const connected = libc.connect(fd, sockaddr);
  if (connected < 0) {
    libc.close(fd);
    return err(-connected);
  }
  return ok({
    send: (text) => Math.min(0, libc.send(fd, new TextEncoder().encode(text))),
    sendWith: (text, descriptors) =>
      Math.min(0, libc.sendDescriptors(fd, new TextEncoder().encode(text), descriptors)),
    close: () => void libc.close(fd),
  });
}

/** struct sockaddr_un; undefined for a name that is invalid or too long. */
export function unixAddress(name: string): Uint8Array | undefined {
  const isAbstract = name.startsWith("@");
  if (!isAbstract && !name.startsWith("/")) return undefined;
  const path = new TextEncoder().encode(name);
  if (path.length >= SUN_PATH_OCTETS) return undefined;
  // An abstract name begins with a zero octet and ends with the address, a path with a zero octet.
  if (isAbstract) path[0] = 0;
  const octets = new Uint8Array(2 + path.length + (isAbstract ? 0 : 1));
  new Uint16Array(octets.buffer, 0, 1)[0] = AF_UNIX;
  octets.set(path, 2);
  return octets;
}

const SUN_PATH_OCTETS = 108;
const EINVAL = 22;
