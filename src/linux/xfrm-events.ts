/** XFRM's multicast groups in the event loop: acquire, expire and mapping without polling. */

import { err, ok, type Result } from "../octets/result.ts";
import { errnoName } from "../xfrm/errno.ts";
import { XFRMNLGRP } from "../xfrm/message-type.ts";
import { type NetlinkMessage, parseNetlink } from "../xfrm/netlink.ts";
import type { XfrmRefusal } from "../xfrm/request.ts";
import { intOption, type Libc } from "./libc.ts";
import { forceReceiveBuffer, NETLINK_XFRM, openNetlink } from "./netlink-socket.ts";

export type XfrmEvents = { close(): void };

export type XfrmEventHandlers = {
  /** The message is a view that holds during the call. */
  readonly onMessage: (message: NetlinkMessage) => void;
  /** The kernel dropped messages; what comes from now on arrives again. */
  readonly onLost: () => void;
};

/** Subscribes; until `close`, also after messages were lost. */
export function openXfrmEvents(
  libc: Libc,
  handlers: XfrmEventHandlers,
): Result<XfrmEvents, XfrmRefusal> {
  let closed = false;
  let current: Subscription | undefined;
  const subscribe = (): Result<undefined, XfrmRefusal> => {
    const subscription = openSubscription(libc, handlers.onMessage, onEnd);
    if (!subscription.ok) return subscription;
    current = subscription.value;
    return ok(undefined);
  };
  // A full receive buffer is an error of the socket (ENOBUFS), upon which Bun closes it, with what
  // was still in it. A new one is subscribed before anybody asks the kernel what was missed.
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

/** Room for some 16,000 acquires between two turns of the event loop. */
const RECEIVE_BUFFER_OCTETS = 8 * 1024 * 1024;
const RESUBSCRIBE_MS = 1_000;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = { level: SOL_NETLINK, name: 1 };

/** Bun documents `FdSocketOptions`, yet leaves it out of the overloads of `connect`. */
const connectDescriptor = Bun.connect as unknown as (
  options: Bun.FdSocketOptions<undefined>,
) => Promise<Bun.Socket<undefined>>;

type Subscription = { close(): void };

function openSubscription(
  libc: Libc,
  onMessage: XfrmEventHandlers["onMessage"],
  onEnd: () => void,
): Result<Subscription, XfrmRefusal> {
  const fd = openNetlink(libc, NETLINK_XFRM);
  if (fd < 0) return err(refusal("socket", -fd));
  forceReceiveBuffer(libc, fd, RECEIVE_BUFFER_OCTETS);
  for (const group of Object.values(XFRMNLGRP)) {
    const added = libc.setOption(fd, NETLINK_ADD_MEMBERSHIP, intOption(group));
    if (added === 0) continue;
    libc.close(fd);
    return err(refusal("NETLINK_ADD_MEMBERSHIP", -added));
  }
  return ok(attach(fd, onMessage, onEnd));
}

/** Hands the descriptor to the event loop, which calls with one datagram at a time. */
function attach(
  fd: number,
  onMessage: XfrmEventHandlers["onMessage"],
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

function refusal(operation: string, errno: number): XfrmRefusal {
  const detail =
    errno === 1 ? "CAP_NET_ADMIN is missing" : "acquire, expire and mapping cannot be received";
  return { kind: "kernel", operation, object: "XFRM events", errno: errnoName(errno), detail };
}
