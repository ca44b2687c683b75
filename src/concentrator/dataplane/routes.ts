/** Routes to remote subnets while a Child SA is up: shared by destination, as policies are. */

import { equalAddress } from "../../inet/address.ts";
import { formatPrefix } from "../../inet/prefix.ts";
import { rangePrefixes } from "../../inet/range.ts";
import type { RouteRequest } from "../../xfrm/request.ts";
import type { RemoteRoute } from "../../xfrm/route.ts";
import type { ChildPlace } from "./xfrm-of-child.ts";

/** By destination: the Child SAs that want a route there. The last one's is in force. */
export type RouteTable = Map<string, { readonly spiIn: number; readonly route: RemoteRoute }[]>;

/** The routes that a Child SA wants: none in transport mode, where both ends have them already. */
export function childRoutes({ child, path, options }: ChildPlace): readonly RemoteRoute[] {
  if (!options.routes || child.mode === "transport") return NO_ROUTES;
  const localSubnets = child.local.flatMap(({ range }) => rangePrefixes(range));
  const { ifId } = options;
  const routes = new Map<string, RemoteRoute>();
  for (const destination of child.remote.flatMap(({ range }) => rangePrefixes(range))) {
    const route = { destination, towards: path.remote.address, localSubnets, ifId };
    routes.set(formatPrefix(destination), route);
  }
  return [...routes.values()];
}

/** Shared by all Child SAs without any. */
const NO_ROUTES: readonly RemoteRoute[] = [];

/** A Child SA wants a route from now on: what to ask of the kernel, if anything. */
export function useRoute(
  table: RouteTable,
  spiIn: number,
  route: RemoteRoute,
): RouteRequest | undefined {
  const key = formatPrefix(route.destination);
  const users = table.get(key) ?? [];
  table.set(key, users);
  const before = users.at(-1)?.route;
  users.push({ spiIn, route });
  return before !== undefined && sameWay(before, route) ? undefined : { op: "put-route", route };
}

/** A Child SA's route uses another address or interface: what to ask of the kernel, if anything. */
export function changeRoute(
  table: RouteTable,
  spiIn: number,
  route: RemoteRoute,
): RouteRequest | undefined {
  const users = table.get(formatPrefix(route.destination)) ?? [];
  const at = users.findIndex((user) => user.spiIn === spiIn);
  const before = users[at]?.route;
  if (before === undefined) return undefined;
  users[at] = { spiIn, route };
  const isInForce = at === users.length - 1;
  return !isInForce || sameWay(before, route) ? undefined : { op: "put-route", route };
}

/** A Child SA no longer wants a route: what to ask of the kernel, if anything. */
export function releaseRoute(
  table: RouteTable,
  spiIn: number,
  route: RemoteRoute,
): RouteRequest | undefined {
  const key = formatPrefix(route.destination);
  const users = table.get(key);
  const at = users?.findIndex((user) => user.spiIn === spiIn) ?? -1;
  if (users === undefined || at < 0) return undefined;
  const inForce = users.at(-1)?.route;
  users.splice(at, 1);
  const next = users.at(-1)?.route;
  if (next === undefined) {
    table.delete(key);
    return { op: "delete-route", route };
  }
  const stays = inForce !== undefined && sameWay(inForce, next);
  return stays ? undefined : { op: "put-route", route: next };
}

function sameWay(a: RemoteRoute, b: RemoteRoute): boolean {
  return equalAddress(a.towards, b.towards) && a.ifId === b.ifId;
}
