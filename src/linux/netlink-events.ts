/** Netlink's multicast groups in the event loop: what the kernel reports on its own. */

import { err, ok, type Result } from "../octets/result.ts";
import { errnoName } from "../xfrm/errno.ts";
import { type NetlinkMessage, parseNetlink } from "../xfrm/netlink.ts";
import type { XfrmRefusal } from "../xfrm/request.ts";
import { intOption, type Libc, SOL_NETLINK } from "./libc.ts";
import { attachFilter, type NetlinkFilter } from "./netlink-filter.ts";
import { forceReceiveBuffer, openNetlink } from "./netlink-socket.ts";

export type NetlinkEvents = { close(): void };

export type NetlinkEventSource = {
  /** NETLINK_*. */
  readonly protocol: number;
  readonly groups: readonly number[];
  /** For messages: `XFRM events`. */
  readonly name: string;
  /** Messages for which the kernel does not even wake us. */
  readonly filter?: NetlinkFilter;
};

export type NetlinkEventHandlers = {
  /** The message is a view that is valid during the call. */
  readonly onMessage: (message: NetlinkMessage) => void;
  /** The kernel dropped messages; those that come from now on are received again. */
  readonly onLost: () => void;
};

/** Subscribes until `close`, also after messages were lost. */
export function openNetlinkEvents(
  libc: Libc,
  source: NetlinkEventSource,
  handlers: NetlinkEventHandlers,
): Result<NetlinkEvents, XfrmRefusal> {
  let closed = false;
  let current: Subscription | undefined;
  const subscribe = (): Result<undefined, XfrmRefusal> => {
    const fd = openSubscription(libc, source);
    if (!fd.ok) return fd;
    current = attach(fd.value, handlers.onMessage, onEnd);
    return ok(undefined);
  };
  // A full receive buffer is a socket error (ENOBUFS). Bun then closes the socket, with its
  // remaining content. A new one is subscribed before the kernel is asked what was missed.
  const onEnd = (): void => {
    if (closed) return;
    if (!subscribe().ok) setTimeout(onEnd, RESUBSCRIBE_MS).unref();
    else handlers.onLost();
  };
  const first = subscribe();
  if (!first.ok) return first;
  const close = (): void => {
    closed = true;
    current?.close();
  };
  return ok({ close });
}

/** Space for some 16,000 acquires between two turns of the event loop. */
const RECEIVE_BUFFER_OCTETS = 8 * 1024 * 1024;
const RESUBSCRIBE_MS = 1_000;
const NETLINK_ADD_MEMBERSHIP = { level: SOL_NETLINK, name: 1 };

/** Bun documents `FdSocketOptions`, but leaves it out of the overloads of `connect`. */
const connectDescriptor = Bun.connect as unknown as (
  options: Bun.FdSocketOptions<undefined>,
) => Promise<Bun.Socket<undefined>>;

type Subscription = { close(): void };

/** A descriptor that is subscribed to all groups. */
function openSubscription(
  libc: Libc,
  { protocol, groups, name, filter }: NetlinkEventSource,
): Result<number, XfrmRefusal> {
  const fd = openNetlink(libc, protocol);
  if (fd < 0) return err(refusal("socket", name, -fd));
  forceReceiveBuffer(libc, fd, RECEIVE_BUFFER_OCTETS);
  // Attached before the first group is joined, so that nothing slips in. Without it each message is
  // checked here.
  if (filter !== undefined) attachFilter(libc, fd, filter);
  for (const group of groups) {
    const added = libc.setOption(fd, NETLINK_ADD_MEMBERSHIP, intOption(group));
    if (added === 0) continue;
    libc.close(fd);
    return err(refusal("NETLINK_ADD_MEMBERSHIP", name, -added));
  }
  return ok(fd);
}

/** Hands the descriptor to the event loop, which calls back with one datagram at a time. */
function attach(
  fd: number,
  onMessage: NetlinkEventHandlers["onMessage"],
  onEnd: () => void,
): Subscription {
  let end: (() => void) | undefined;
  let ended = false;
  const onData = (_: unknown, octets: Uint8Array): void => {
    const messages = parseNetlink(octets);
    if (messages.ok) for (const message of messages.value) onMessage(message);
  };
  const connecting = connectDescriptor({
    fd,
    data: undefined,
    socket: {
      open: (socket) => {
        end = () => socket.terminate();
        if (ended) end();
      },
      data: onData,
      close: () => onEnd(),
      error: () => {}, // `close` follows
    },
  });
  connecting.catch(() => onEnd());
  const close = (): void => {
    ended = true;
    end?.();
  };
  return { close };
}

function refusal(operation: string, object: string, errno: number): XfrmRefusal {
  const detail = errno === 1 ? "CAP_NET_ADMIN is missing" : "they cannot be received";
  return { kind: "kernel", operation, object, errno: errnoName(errno), detail };
}
