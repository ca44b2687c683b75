/**
 * The network of the scenarios:
 *
 *     office ── concentrator ──┐
 *     10.0.0.10     192.0.2.1  │ internet (bridge br0, where captures are taken)
 *     site n: 192.0.2.(10+n) ──┤
 *                              └── nat 192.0.2.9 ── 172.16.0.1 ── site n: 172.16.0.(10+n)
 *
 * Site n has 192.168.n.1/24 and fd00:192:168:n::1/64 inside. IPv6 alike: 2001:db8::(10+n).
 */

import { noteSite } from "./both-ends.ts";
import { hideBehind } from "./filters.ts";
import { addHost, configure, type Host } from "./hosts.ts";

export const CONCENTRATOR = { v4: "192.0.2.1", v6: "2001:db8::1" } as const;
export const OFFICE = { v4: "10.0.0.10", v6: "fd00:10::10" } as const;

export type Site = {
  readonly host: Host;
  readonly number: number;
  readonly address: { readonly v4: string; readonly v6: string };
  /** Its own address inside the tunnel, and its subnet. */
  readonly inner: { readonly v4: string; readonly v6: string };
  readonly subnet: { readonly v4: string; readonly v6: string };
};

export type Laboratory = {
  readonly internet: Host;
  readonly concentrator: Host;
  readonly office: Host;
  /** A site on the Internet itself, or behind the NAT router. */
  addSite(number: number, where?: "direct" | "behind-nat"): Promise<Site>;
};

/** Builds Internet, concentrator and office. */
export async function buildLaboratory(): Promise<Laboratory> {
  // One after another: the first `ip netns add` mounts /run/netns, for which two would compete.
  const internet = await addHost("internet");
  const concentrator = await addHost("concentrator");
  const office = await addHost("office");
  await configure(internet, ["link add br0 type bridge", "link set br0 up"]);
  await plug(internet, concentrator, "wan");
  await configure(concentrator, [
    `addr add ${CONCENTRATOR.v4}/24 dev wan`,
    `addr add ${CONCENTRATOR.v6}/64 dev wan nodad`,
    "link set wan up",
    // There is no such router: a policy gets packets only if a route exists.
    "route add default via 192.0.2.254",
    "route add default via 2001:db8::fe",
    "link add lan type veth peer name eth0 netns office",
    "addr add 10.0.0.1/16 dev lan",
    "addr add fd00:10::1/64 dev lan nodad",
    "link set lan up",
  ]);
  await configure(office, [
    `addr add ${OFFICE.v4}/16 dev eth0`,
    `addr add ${OFFICE.v6}/64 dev eth0 nodad`,
    "link set eth0 up",
    "route add default via 10.0.0.1",
    "route add default via fd00:10::1",
  ]);
  let nat: Promise<Host> | undefined;
  return {
    internet,
    concentrator,
    office,
    addSite: async (number, where = "direct") => {
      if (where === "direct") return await addSite(internet, number, DIRECT);
      nat ??= addNatRouter(internet);
      return await addSite(await nat, number, BEHIND_NAT);
    },
  };
}

type Place = { readonly v4: string; readonly v6: string; readonly via4: string; via6: string };

const DIRECT: Place = { v4: "192.0.2.", v6: "2001:db8::", via4: "192.0.2.1", via6: "2001:db8::1" };
const BEHIND_NAT: Place = {
  v4: "172.16.0.",
  v6: "fd00:172::",
  via4: "172.16.0.1",
  via6: "fd00:172::1",
};

async function addSite(bridge: Host, number: number, place: Place): Promise<Site> {
  const host = await addHost(`site-${number}`);
  const address = { v4: `${place.v4}${10 + number}`, v6: `${place.v6}${10 + number}` };
  const inner = { v4: `192.168.${number}.1`, v6: `fd00:192:168:${number}::1` };
  await plug(bridge, host, "wan");
  await configure(host, [
    `addr add ${address.v4}/24 dev wan`,
    `addr add ${address.v6}/64 dev wan nodad`,
    "link set wan up",
    `addr add ${inner.v4}/24 dev lo`,
    `addr add ${inner.v6}/64 dev lo nodad`,
    `route add default via ${place.via4}`,
    `route add default via ${place.via6}`,
  ]);
  const subnet = { v4: `192.168.${number}.0/24`, v6: `fd00:192:168:${number}::/64` };
  const site = { host, number, address, inner, subnet };
  noteSite(site);
  return site;
}

/** A router that hides its network behind its own address, as those of homes and carriers do. */
async function addNatRouter(internet: Host): Promise<Host> {
  const nat = await addHost("nat");
  await plug(internet, nat, "wan");
  await configure(nat, [
    "addr add 192.0.2.9/24 dev wan",
    "link set wan up",
    "link add br0 type bridge",
    "addr add 172.16.0.1/24 dev br0",
    "addr add fd00:172::1/64 dev br0 nodad",
    "link set br0 up",
  ]);
  await hideBehind(nat, "wan", "192.0.2.9");
  return nat;
}

/** Connects a host's new interface with the bridge `br0` of another. */
async function plug(bridge: Host, host: Host, device: string): Promise<void> {
  const port = `to-${host.name}`.slice(0, 15);
  await configure(bridge, [
    `link add ${port} type veth peer name ${device} netns ${host.name}`,
    `link set ${port} master br0 up`,
  ]);
}
