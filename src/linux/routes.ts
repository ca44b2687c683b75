/** The kernel's routes: which one leads to an address, and our own to remote subnets. */

import { type Address, equalAddress, type Family, formatAddress } from "../inet/address.ts";
import { containsAddress, type Prefix } from "../inet/prefix.ts";
import { err, ok, type Result } from "../octets/result.ts";
import type { XfrmClaims } from "../xfrm/claims.ts";
import { errnoName } from "../xfrm/errno.ts";
import { emitLinkDump, parseLink } from "../xfrm/link.ts";
import type { NetlinkError } from "../xfrm/netlink.ts";
import {
  type KernelResult,
  type RouteRequest,
  type XfrmRequest,
  xfrmRefusal,
} from "../xfrm/request.ts";
import {
  emitDeleteRoute,
  emitNewRoute,
  emitOurRouteDump,
  emitRouteQuery,
  isOurRoute,
  parseRoute,
  type RemoteRoute,
  type Route,
} from "../xfrm/route.ts";
import { localAddresses } from "./addresses.ts";
import { readDump, Turn } from "./dump.ts";
import { ENOENT, EPROTO, openLibc } from "./libc.ts";
import { NETLINK_ROUTE, NetlinkSocket } from "./netlink-socket.ts";

export function isRouteRequest(request: XfrmRequest): request is RouteRequest {
  return request.op === "put-route" || request.op === "delete-route";
}

export type Routes = {
  /** One request, answered at once. Never throws. */
  perform(request: RouteRequest): KernelResult;
  /** The local address that packets to `to` leave from; or why there is none, in words. */
  sourceFor(to: Address): Result<Address, string>;
  /**
   * Removes unclaimed routes of an earlier run, recognised by protocol number; counts them. In
   * turns: there may be hundreds of thousands of other routes.
   */
  removeLeftovers(claims: Pick<XfrmClaims, "route">): Promise<number>;
  /** The ID that the kernel's messages about our own changes carry. */
  readonly portId: number;
  close(): void;
};

/** Opens route netlink; the errno if that is not possible. */
export function openRoutes(): Result<Routes, number> {
  const libc = openLibc();
  if (!libc.ok) return err(ENOENT);
  const opened = NetlinkSocket.open(libc.value, NETLINK_ROUTE);
  if (!opened.ok) return opened;
  const socket = opened.value;
  return ok({
    perform: (request) =>
      request.op === "put-route" ? putRoute(socket, request) : deleteRoute(socket, request),
    sourceFor: (to) => sourceFor(socket, to),
    async removeLeftovers(claims) {
      // Until a dump is read to its end, nothing else may be asked of its socket. The kernel looks
      // at a million routes in 60 ms; to read them all would take 15 times as long.
      const dumps = NetlinkSocket.open(libc.value, NETLINK_ROUTE);
      if (!dumps.ok) return 0;
      dumps.value.filterDumps();
      let removed = 0;
      for (const family of [4, 6] as const) {
        removed += await removeOurs({ dumps: dumps.value, socket }, family, claims);
      }
      dumps.value.close();
      return removed;
    },
    portId: socket.portId,
    close: () => socket.close(),
  });
}

const ENODEV = 19;

function putRoute(socket: NetlinkSocket, request: RouteRequest): KernelResult {
  const { route } = request;
  const device = deviceFor(socket, route);
  if (!device.ok) return err(xfrmRefusal(request, device.error.errno, device.error.text));
  const { destination } = route;
  const wanted = { destination, device: device.value, source: ownAddress(route) };
  const made = socket.request((n) => emitNewRoute(wanted, n));
  return made.errno === 0 ? ok(undefined) : err(xfrmRefusal(request, made.errno, made.text));
}

/** A route that has gone already, for instance with its interface, is the desired result. */
function deleteRoute(socket: NetlinkSocket, request: RouteRequest): KernelResult {
  const { errno, text } = socket.request((n) => emitDeleteRoute(request.route.destination, n));
  const isGone = errno === 0 || errnoName(errno) === "ESRCH";
  return isGone ? ok(undefined) : err(xfrmRefusal(request, errno, text));
}

/** The interface that a remote route uses. */
function deviceFor(
  socket: NetlinkSocket,
  { towards, ifId }: RemoteRoute,
): Result<number, NetlinkError> {
  if (ifId !== undefined) return xfrmInterface(socket, ifId);
  const route = routeTo(socket, towards);
  if (!route.ok) return route;
  const { device } = route.value;
  if (device !== undefined) return ok(device);
  return err({ errno: ENODEV, text: `no interface leads to ${formatAddress(towards)}` });
}

function xfrmInterface(socket: NetlinkSocket, ifId: number): Result<number, NetlinkError> {
  let index: number | undefined;
  for (const piece of socket.dump(emitLinkDump)) {
    for (const { payload } of piece) {
      const link = parseLink(payload);
      if (link.ok && link.value.xfrmIfId === ifId) index = link.value.index;
    }
  }
  const text = `there is no XFRM interface with if_id ${ifId}: ip link add … type xfrm`;
  return index === undefined ? err({ errno: ENODEV, text }) : ok(index);
}

/** So that packets which this host itself sends match the Child SA's selectors. */
function ownAddress({ destination, localSubnets }: RemoteRoute): Address | undefined {
  return localAddresses().find(
    (address) =>
      address.family === destination.family &&
      localSubnets.some((subnet) => containsAddress(subnet, address)),
  );
}

function routeTo(socket: NetlinkSocket, to: Address): Result<Route, NetlinkError> {
  const answer = socket.ask((n) => emitRouteQuery(to, n));
  if (!answer.ok) return answer;
  const route = parseRoute(answer.value);
  if (route.ok && route.value !== undefined) return ok(route.value);
  return err({ errno: EPROTO, text: "RTM_GETROUTE got an unexpected answer" });
}

function sourceFor(socket: NetlinkSocket, to: Address): Result<Address, string> {
  const text = formatAddress(to);
  const route = routeTo(socket, to);
  if (!route.ok) {
    const errno = errnoName(route.error.errno);
    return err(
      errno === "ENETUNREACH" ? `no route leads to ${text}` : `route to ${text}: ${errno}`,
    );
  }
  const { source } = route.value;
  if (source === undefined) return err(`no address of ours leads to ${text}`);
  if (equalAddress(source, to)) return err(`${text} is this host itself`);
  return ok(source);
}

async function removeOurs(
  { dumps, socket }: { readonly dumps: NetlinkSocket; readonly socket: NetlinkSocket },
  family: Family,
  claims: Pick<XfrmClaims, "route">,
): Promise<number> {
  const left: Prefix[] = [];
  await readDump(
    dumps.dump((n) => emitOurRouteDump(family, n)),
    "RTM_GETROUTE",
    {
      parse: parseRoute,
      take(route) {
        if (isOurRoute(route) && !claims.route(route.destination)) left.push(route.destination);
      },
    },
  );
  let removed = 0;
  const turn = new Turn();
  for (const destination of left) {
    // What is claimed changes meanwhile.
    const isLeft = !claims.route(destination);
    if (isLeft && socket.request((n) => emitDeleteRoute(destination, n)).errno === 0) removed++;
    await turn.yieldIfLong();
  }
  return removed;
}
