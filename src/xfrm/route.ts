/** Routes to remote subnets in the format of rtnetlink (linux/rtnetlink.h): messages and octets. */

import type { Address } from "../inet/address.ts";
import { addressFromOctets, addressOctets, type Family } from "../inet/address.ts";
import { formatPrefix, type Prefix, prefixOf } from "../inet/prefix.ts";
import { decode, type Malformed, Reader } from "../octets/reader.ts";
import { ok, type Result } from "../octets/result.ts";
import { familyNumber } from "./address.ts";
import { emitAttribute, parseAttributes } from "./attribute.ts";
import { type HostWriter, hostU32 } from "./host-order.ts";
import {
  emitNetlink,
  type NetlinkMessage,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_REPLACE,
  NLM_F_REQUEST,
} from "./netlink.ts";

/**
 * A route that is wanted while a Child SA is up. Its interface is looked up when it is installed.
 */
export type RemoteRoute = {
  readonly destination: Prefix;
  /** The site's outer address: packets use the interface that leads there. */
  readonly towards: Address;
  /** The host itself sends from an address of ours in one of these, if it has one. */
  readonly localSubnets: readonly Prefix[];
  /** By the XFRM interface with this ID instead. */
  readonly ifId: number | undefined;
};

/** A route in the kernel's table, as far as it is needed here. */
export type Route = {
  readonly destination: Prefix;
  /** Who installed it: RTPROT_*. */
  readonly protocol: number;
  /** Index of the outgoing interface. */
  readonly device: number | undefined;
  /** Our address that packets are sent from, unless their sender chose one (RTA_PREFSRC). */
  readonly source: Address | undefined;
};

/** The route to install: through an interface, without a gateway. */
export type DeviceRoute = {
  readonly destination: Prefix;
  readonly device: number;
  readonly source: Address | undefined;
};

/** This number marks a route as erouted's, including one of an earlier run. */
export const OUR_ROUTE_PROTOCOL = 69;

export function isOurRoute({ protocol }: Route): boolean {
  return protocol === OUR_ROUTE_PROTOCOL;
}

/** `route 192.168.1.0/24`. */
export function formatRoute({ destination }: Pick<RemoteRoute, "destination">): string {
  return `route ${formatPrefix(destination)}`;
}

/** Installs a route, replacing another one of ours to the same subnet. */
export function emitNewRoute(route: DeviceRoute, sequence: number): Uint8Array {
  const flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
  return emitNetlink({ type: RTM.NEWROUTE, flags, sequence }, (w) => {
    emitHead(w, route.destination, RT_SCOPE_LINK);
    emitAttribute(w, RTA.OIF, () => w.u32(route.device));
    const { source } = route;
    if (source !== undefined) emitAddress(w, RTA.PREFSRC, source);
  });
}

/** Removes the route of ours to a subnet. */
export function emitDeleteRoute(destination: Prefix, sequence: number): Uint8Array {
  const flags = NLM_F_REQUEST | NLM_F_ACK;
  return emitNetlink({ type: RTM.DELROUTE, flags, sequence }, (w) => {
    emitHead(w, destination, RT_SCOPE_NOWHERE); // any scope
  });
}

/** Asks which route packets to an address take: answered by an RTM_NEWROUTE. */
export function emitRouteQuery(to: Address, sequence: number): Uint8Array {
  const flags = NLM_F_REQUEST;
  const octets = addressOctets(to);
  return emitNetlink({ type: RTM.GETROUTE, flags, sequence }, (w) => {
    w.u8(familyNumber(to.family))
      .u8(octets.length * 8)
      .zeros(10);
    emitAttribute(w, RTA.DST, () => w.octets(octets));
  });
}

/**
 * Requests our routes of a family: answered by RTM_NEWROUTE messages and NLMSG_DONE. A kernel that
 * does not check requests strictly (NETLINK_GET_STRICT_CHK, Linux 4.20) sends all routes.
 */
export function emitOurRouteDump(family: Family, sequence: number): Uint8Array {
  const flags = NLM_F_REQUEST | NLM_F_DUMP;
  return emitNetlink({ type: RTM.GETROUTE, flags, sequence }, (w) => {
    w.u8(familyNumber(family)).zeros(3); // rtm_dst_len, rtm_src_len, rtm_tos
    w.u8(RT_TABLE_MAIN).u8(OUR_ROUTE_PROTOCOL).zeros(6); // rtm_scope, rtm_type, rtm_flags
  });
}

/** The payload of an RTM_NEWROUTE. Undefined for routes that are neither IPv4 nor IPv6. */
export function parseRoute(octets: Uint8Array): Result<Route | undefined, Malformed> {
  return decode(octets, "RTM_NEWROUTE", (r) => {
    const number = r.u8();
    const length = r.u8();
    r.skip(3); // rtm_src_len, rtm_tos, rtm_table
    const protocol = r.u8();
    r.skip(6); // rtm_scope, rtm_type, rtm_flags
    const attributes = parseAttributes(r);
    const family = number === familyNumber(4) ? 4 : number === familyNumber(6) ? 6 : undefined;
    if (family === undefined) return undefined;
    const any: Address = { family, value: 0n };
    const destination = prefixOf(addressIn(attributes, RTA.DST) ?? any, length);
    const oif = attributes.get(RTA.OIF);
    const device = oif === undefined ? undefined : hostU32(new Reader(oif, "RTA_OIF"));
    return { destination, protocol, device, source: addressIn(attributes, RTA.PREFSRC) };
  });
}

/** The subnet in an RTM_DELROUTE about a route of ours. */
export function parseRouteRemoval({
  type,
  payload,
}: Pick<NetlinkMessage, "type" | "payload">): Result<Prefix | undefined, Malformed> {
  if (type !== RTM.DELROUTE) return ok(undefined);
  const route = parseRoute(payload);
  if (!route.ok) return route;
  return ok(
    route.value !== undefined && isOurRoute(route.value) ? route.value.destination : undefined,
  );
}

/** Multicast groups (RTNLGRP_*) that report routes. */
export const ROUTE_GROUPS = { IPV4: 7, IPV6: 11 } as const;

export const RTM = { NEWROUTE: 24, DELROUTE: 25, GETROUTE: 26 } as const;
const RTA = { DST: 1, OIF: 4, PRIORITY: 6, PREFSRC: 7 } as const;
const RT_TABLE_MAIN = 254;
const RT_SCOPE_LINK = 253;
const RT_SCOPE_NOWHERE = 255;
const RTN_UNICAST = 1;

/**
 * Higher than any usual default: an operator's own route to the same subnet takes precedence, and
 * ours never replaces it.
 */
const OUR_METRIC = 4_500;

/** struct rtmsg and the attributes that identify a route. */
function emitHead(w: HostWriter, destination: Prefix, scope: number): void {
  w.u8(familyNumber(destination.family)).u8(destination.length).u8(0).u8(0); // …_src_len, rtm_tos
  w.u8(RT_TABLE_MAIN).u8(OUR_ROUTE_PROTOCOL).u8(scope).u8(RTN_UNICAST).u32(0); // rtm_flags
  emitAddress(w, RTA.DST, destination);
  emitAttribute(w, RTA.PRIORITY, () => w.u32(OUR_METRIC));
}

function emitAddress(w: HostWriter, type: number, address: Address): void {
  emitAttribute(w, type, () => w.octets(addressOctets(address)));
}

function addressIn(attributes: Map<number, Uint8Array>, type: number): Address | undefined {
  const octets = attributes.get(type);
  return octets === undefined ? undefined : addressFromOctets(octets);
}
