/**
 * Routers and lines that drop, mark or translate packets. By tc, because not all kernels for tests
 * have tables of iptables or nftables.
 */

import { type Host, must, run } from "./hosts.ts";

/** Before what translates addresses: of several filters the first that matches is the only one. */
const FIRST = "pref 1";
const FORWARDS = ["pref", "8"];
const ETHERNET_HEADER = 14;
const UDP = 17;

/** `egress protocol ip … flower dst_port 4500 action drop` and the like, on a host's device. */
export async function addFilter(
  host: Host | undefined,
  device: string,
  [direction, ...filter]: readonly string[],
): Promise<void> {
  await run(host, ["tc", "qdisc", "add", "dev", device, "clsact"]); // may be there already
  const place = ["dev", device, direction ?? "", ...FIRST.split(" "), "protocol", "ip"];
  await must(host, ["tc", "filter", "add", ...place, ...filter]);
}

/** Undoes {@link addFilter}. */
export async function removeFilters(
  host: Host | undefined,
  device: string,
  direction: "ingress" | "egress",
): Promise<void> {
  await must(host, ["tc", "filter", "del", "dev", device, direction, ...FIRST.split(" ")]);
}

/** Longer UDP datagrams, IP header included, vanish when they leave the host. */
export async function dropLongUdp(host: Host, device: string, octetsMax: number): Promise<void> {
  const isLong = `meta(pkt_len gt ${octetsMax + ETHERNET_HEADER})`;
  const isUdp = `cmp(u8 at 9 layer network eq ${UDP})`;
  const match = ["basic", "match", `${isLong} and ${isUdp}`];
  await addFilter(host, device, ["egress", ...match, "action", "drop"]);
}

/** What leaves the router has this source address from now on; earlier mappings are forgotten. */
export async function hideBehind(nat: Host, device: string, address: string): Promise<void> {
  await run(nat, ["tc", "qdisc", "add", "dev", device, "clsact"]);
  await run(nat, ["tc", "filter", "del", "dev", device, "ingress", ...FORWARDS]);
  for (const rule of [
    `egress pref 9 handle 1 protocol ip flower action ct commit nat src addr ${address} pipe`,
    "ingress pref 9 handle 1 protocol ip flower action ct nat pipe",
  ]) {
    await must(nat, ["tc", "filter", "replace", "dev", device, ...rule.split(" ")]);
  }
  await must(nat, ["conntrack", "-F"]);
}

/** The router lets IKE and ESP in UDP in, for a host behind it; {@link hideBehind} undoes it. */
export async function forwardTo(nat: Host, device: string, inside: string): Promise<void> {
  for (const [handle, port] of [500, 4500].entries()) {
    const match = `flower ip_proto udp dst_port ${port}`;
    const rule = `ingress ${FORWARDS.join(" ")} handle ${handle + 1} protocol ip ${match}`;
    const action = `action ct commit nat dst addr ${inside} pipe`;
    await must(nat, ["tc", "filter", "replace", "dev", device, ...`${rule} ${action}`.split(" ")]);
  }
  await must(nat, ["conntrack", "-F"]);
}
