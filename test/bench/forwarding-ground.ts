/**
 * Where packets are forwarded in `forwarding.ts`: a host behind the concentrator, the concentrator
 * and one site, each in a network namespace, with addresses of either family inside and outside.
 */

import { execFileSync } from "node:child_process";
import type { Family } from "../../src/inet/address.ts";
import { formatAddress } from "../../src/inet/address.ts";
import { CALLED, type CrowdSubnets, outsideOf, subnetOf } from "./crowd.ts";

export const LAN = "lan";
export const HUB = "hub";
export const SITE = "site";

/** The host behind the concentrator, and the concentrator's own address there. */
const LAN_ADDRESSES: Readonly<Record<Family, { readonly host: string; readonly hub: string }>> = {
  4: { host: "10.0.0.2/16", hub: "10.0.0.1/16" },
  6: { host: "fd00:10::2/64", hub: "fd00:10::1/64" },
};
const WHOLE: Readonly<Record<Family, number>> = { 4: 32, 6: 128 };

/** Where the first site of the fleet calls from, and a host in its subnet. */
export function siteAddresses(fleet: CrowdSubnets) {
  const { family, value } = subnetOf(0, fleet);
  const inner = formatAddress({ family, value: value + 1n });
  return { family, inner, outer: outsideOf(0, fleet), outerFamily: fleet.outer ?? 4 } as const;
}

/** Lays the line. */
export function layGround(fleet: CrowdSubnets): void {
  const { family, inner, outer, outerFamily } = siteAddresses(fleet);
  const lan = LAN_ADDRESSES[family];
  const called = CALLED[outerFamily];
  for (const name of [LAN, HUB, SITE]) ip("netns", "add", name);
  for (const name of [LAN, HUB, SITE]) ip("-n", name, "link", "set", "lo", "up");
  cable({ from: LAN, address: lan.host }, { to: HUB, at: "eth0", address: lan.hub });
  const whole = WHOLE[outerFamily];
  cable(
    { from: SITE, address: `${outer}/${whole}` },
    { to: HUB, at: "eth1", address: `${called}/${whole}` },
  );
  const [hub = ""] = lan.hub.split("/");
  route(LAN, family, ["default", "via", hub]);
  for (const each of new Set([family, outerFamily])) route(HUB, each, ["default", "dev", "eth1"]);
  address(SITE, "lo", `${inner}/${WHOLE[family]}`);
  route(SITE, family, ["default", "dev", "eth0", "src", inner]);
  // Both ends of the tunnel's outside are found without a gateway.
  route(SITE, outerFamily, [`${called}/${whole}`, "dev", "eth0", "src", outer]);
  const forwards = ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"];
  inside(HUB, "sysctl", "-qw", ...forwards);
}

/** Runs a command in a namespace, to its end. */
export function inside(namespace: string, ...command: readonly string[]): void {
  execFileSync("ip", ["netns", "exec", namespace, ...command], {
    stdio: ["ignore", "inherit", "inherit"],
  });
}

/** A cable between two namespaces. */
function cable(
  one: { readonly from: string; readonly address: string },
  other: { readonly to: string; readonly at: string; readonly address: string },
): void {
  const peer = ["type", "veth", "peer", "name", other.at, "netns", other.to];
  ip("link", "add", "eth0", "netns", one.from, ...peer);
  const ends = [[one.from, "eth0", one.address] as const, [other.to, other.at, other.address]];
  for (const [of = "", at = "", own = ""] of ends) {
    address(of, at, own);
    ip("-n", of, "link", "set", at, "up");
  }
}

/** Without a search for others that have it, which takes a second with IPv6. */
function address(namespace: string, device: string, text: string): void {
  const isIpv6 = text.includes(":");
  ip("-n", namespace, "addr", "add", text, "dev", device, ...(isIpv6 ? ["nodad"] : []));
}

function route(namespace: string, family: Family, words: readonly string[]): void {
  ip("-n", namespace, `-${family}`, "route", "add", ...words);
}

function ip(...args: readonly string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "inherit"] });
}
