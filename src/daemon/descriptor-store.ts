/**
 * Keeps sockets in the service manager's file descriptor store (man 3 sd_notify, FDSTORE): they
 * survive this process, and the manager passes them to the next one.
 */

import { type Endpoint, formatEndpoint } from "../inet/endpoint.ts";
import { boundEndpoint } from "../linux/bound-socket.ts";
import type { Libc } from "../linux/libc.ts";
import { openNotifySocket } from "../linux/notify-socket.ts";
import type { PassedDescriptor } from "../linux/passed-descriptors.ts";
import { errnoName } from "../xfrm/errno.ts";
import type { Note } from "./reload.ts";
import type { SocketStore } from "./socket-store.ts";

export type StorePlace = {
  /** The manager's socket. */
  readonly manager: string;
  /** What the store contained when we were started. */
  readonly passed: readonly PassedDescriptor[];
  readonly note: (entry: Note) => void;
};

/** Undefined if the manager cannot be reached, which others have noted. */
export function openDescriptorStore(
  libc: Libc,
  { manager, passed, note }: StorePlace,
): SocketStore | undefined {
  const opened = openNotifySocket(libc, manager);
  if (!opened.ok) return undefined;
  const stored = new Set<string>();
  const foreign: string[] = [];
  for (const { fd, name } of passed) {
    const local = boundEndpoint(libc, fd);
    if (!name.startsWith(PREFIX)) continue;
    if (local !== undefined && nameOf(local) === name) stored.add(name);
    else foreign.push(name);
  }
  const send = ({ text, fd }: Message): number =>
    fd === undefined ? opened.value.send(text) : opened.value.sendWith(text, [fd]);
  const tell = createQueue(libc, send, note);
  const remove = (name: string): void =>
    tell({ text: `FDSTOREREMOVE=1\nFDNAME=${name}`, fd: undefined });
  return {
    put(sockets) {
      for (const name of foreign.splice(0)) remove(name);
      const wanted = new Map(sockets.map((socket) => [nameOf(socket.local), socket]));
      for (const name of [...stored]) {
        if (wanted.has(name)) continue;
        stored.delete(name);
        remove(name);
      }
      for (const [name, socket] of wanted) {
        if (stored.has(name)) continue;
        stored.add(name);
        // FDPOLL=0: otherwise the manager drops a socket that an ICMP message was received for.
        const fd = libc.duplicate(socket.descriptor);
        if (fd >= 0) tell({ text: `FDSTORE=1\nFDNAME=${name}\nFDPOLL=0`, fd });
      }
    },
    clear() {
      for (const name of stored) remove(name);
      stored.clear();
    },
  };
}

/** With a descriptor of its own, which is closed once it is sent. */
type Message = { readonly text: string; readonly fd: number | undefined };

/** Sends in order; what the manager has no room for is sent as soon as it has. */
function createQueue(
  libc: Libc,
  send: (message: Message) => number,
  note: (entry: Note) => void,
): (message: Message) => void {
  const waiting: Message[] = [];
  let isWaiting = false;
  const flush = (): void => {
    isWaiting = false;
    for (;;) {
      const [first] = waiting;
      if (first === undefined) return;
      const sent = send(first);
      if (sent === -EAGAIN) {
        isWaiting = true;
        setTimeout(flush, RETRY_MS).unref();
        return;
      }
      waiting.shift();
      if (first.fd !== undefined) libc.close(first.fd);
      if (sent === 0) continue;
      const detail = `${first.text.split("\n", 1)[0]} was not sent: ${errnoName(-sent)}`;
      note({ level: "warning", reason: "service-manager", detail });
    }
  };
  return (message) => {
    waiting.push(message);
    if (!isWaiting) flush();
  };
}

/** `ike-192.0.2.1_500`: a name has no colons. */
function nameOf(local: Endpoint): string {
  return PREFIX + formatEndpoint(local).replaceAll(":", "_");
}

const PREFIX = "ike-";
const EAGAIN = 11;
const RETRY_MS = 20;
