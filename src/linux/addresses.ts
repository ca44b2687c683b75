/** Addresses of this machine, as route netlink reports them, now and whenever they change. */

import type { Address } from "../inet/address.ts";
import { formatAddress } from "../inet/address.ts";
import { containsAddress, type Prefix } from "../inet/prefix.ts";
import { err, ok, type Result } from "../octets/result.ts";
import {
  emitAddressDump,
  emitLinkDump,
  parseInterfaceAddress,
  parseLink,
  RTNLGRP,
} from "../xfrm/link.ts";
import type { XfrmRefusal } from "../xfrm/request.ts";
import { openLibc } from "./libc.ts";
import { openNetlinkEvents } from "./netlink-events.ts";
import { NETLINK_ROUTE, NetlinkSocket } from "./netlink-socket.ts";

/**
 * All addresses that a socket can be bound to, including loopback; not link-local ones (they mean
 * nothing without an interface), nor those still being checked for duplicates, nor those of
 * interfaces that are down. Empty if the kernel does not answer.
 */
export function localAddresses(): Address[] {
  const libc = openLibc();
  const opened = libc.ok ? NetlinkSocket.open(libc.value, NETLINK_ROUTE) : libc;
  if (!opened.ok) return [];
  const socket = opened.value;
  const up = new Set<number>();
  for (const piece of socket.dump(emitLinkDump)) {
    for (const { payload } of piece) {
      const link = parseLink(payload);
      if (link.ok && link.value.up) up.add(link.value.index);
    }
  }
  const addresses = new Map<bigint, Address>();
  for (const piece of socket.dump(emitAddressDump)) {
    for (const { payload } of piece) {
      const found = parseInterfaceAddress(payload);
      if (!found.ok || found.value === undefined || !up.has(found.value.index)) continue;
      const { address } = found.value;
      if (isBindable(address)) addresses.set(address.value, address);
    }
  }
  socket.close();
  return [...addresses.values()];
}

export type AddressWatch = {
  /** All addresses as they are now. */
  current(): readonly Address[];
  close(): void;
};

/** Reports all addresses again soon after some of them were added or removed, and only then. */
export function watchAddresses(
  onChange: (addresses: readonly Address[]) => void,
): Result<AddressWatch, XfrmRefusal> {
  const libc = openLibc();
  if (!libc.ok) return err(noLibc(libc.error.detail));
  let timer: ReturnType<typeof setTimeout> | undefined;
  let current: readonly Address[] = [];
  const look = (): void => {
    timer = undefined;
    const found = localAddresses();
    if (nameOf(found) === nameOf(current)) return;
    current = found;
    onChange(found);
  };
  // The first event starts the wait and later ones do not prolong it, so a flapping link is
  // reported, too.
  const onEvent = (): void => {
    timer ??= setTimeout(look, SETTLE_MS);
  };
  const groups = Object.values(RTNLGRP);
  const source = { protocol: NETLINK_ROUTE, groups, name: "changes of addresses and links" };
  const events = openNetlinkEvents(libc.value, source, { onMessage: onEvent, onLost: onEvent });
  if (!events.ok) return events;
  current = localAddresses();
  const close = (): void => {
    clearTimeout(timer);
    events.value.close();
  };
  return ok({ current: () => current, close });
}

/** Addresses come several at a time: an interface gets its IPv4 and IPv6 addresses together. */
const SETTLE_MS = 100;

const LINK_LOCAL_V4: Prefix = { family: 4, value: 0xa9fe_0000n, length: 16 };
const LINK_LOCAL_V6: Prefix = { family: 6, value: 0xfe80n << 112n, length: 10 };

function isBindable(address: Address): boolean {
  return !containsAddress(LINK_LOCAL_V4, address) && !containsAddress(LINK_LOCAL_V6, address);
}

/** Gives the same text for the same addresses in any order. */
function nameOf(addresses: readonly Address[]): string {
  return addresses.map(formatAddress).sort().join(" ");
}

function noLibc(detail: string): XfrmRefusal {
  return { kind: "kernel", operation: "socket", object: "libc", errno: "ENOENT", detail };
}
