/** Keys about the life of an eroute and about what it carries: values, and what is refused. */

import { expect, test } from "bun:test";
import { DEFAULT_CHILD, DEFAULT_LIFE, DEFAULT_TRAFFIC } from "../../../src/eroute/defaults.ts";
import { formatAddress, parseAddress } from "../../../src/inet/address.ts";
import { formatPrefix } from "../../../src/inet/prefix.ts";
import { config, FLEET, told, warned } from "./read.ts";

const eroute = (keys: string) => config(`${FLEET}${keys}`).plan.eroutes[0];

test("without keys an eroute has the defaults", () => {
  expect(eroute("")).toMatchObject({
    life: DEFAULT_LIFE,
    child: DEFAULT_CHILD,
    traffic: DEFAULT_TRAFFIC,
    redirect: undefined,
    dns: [],
  });
});

test("dns: one name server or several; an invalid one is reported", () => {
  const servers = (keys: string) => eroute(keys)?.dns.map(formatAddress);
  expect(servers('dns = "10.0.0.53"')).toEqual(["10.0.0.53"]);
  expect(servers('dns = ["fd00::53", "10.0.0.53"]')).toEqual(["fd00::53", "10.0.0.53"]);
  expect(told(`${FLEET}dns = ["10.0.0.53/24", "ns.example"]`)).toEqual([
    'eroute[0].dns[0] is "10.0.0.53/24"',
    'eroute[0].dns[1] is "ns.example"',
  ]);
  const many = Array.from({ length: 9 }, (_, i) => `"10.0.0.${i}"`);
  expect(told(`${FLEET}dns = [${many}]`)).toEqual(["eroute[0].dns holds 9 addresses"]);
});

test("redirect: an address or a host name; an invalid one is reported", () => {
  const gateway = (host: string) => ({ host, address: parseAddress(host) });
  expect(eroute('redirect = "192.0.2.2"')?.redirect).toEqual(gateway("192.0.2.2"));
  expect(eroute('redirect = "vpn2.example"')?.redirect).toEqual(gateway("vpn2.example"));
  expect(eroute("")?.redirect).toBeUndefined();
  const [redirect, full] = ["redirect", "redirect_to"].map((key) => `${key} = "192.0.2.300"`);
  expect(told(`${FLEET}${redirect}`)[0]).toStartWith('eroute[0].redirect is "192.0.2.300"');
  const faults = told(`[dynamic_eroutes]\n${full}\n${FLEET}`);
  expect(faults[0]).toStartWith('dynamic_eroutes.redirect_to is "192.0.2.300"');
});

test("R13 R14: inactivity, no_sa, uniqueness and the rest of its life", () => {
  const keys = `
    no_sa = "drop"
    start = "never"
    inactivity = "15m"
    uniqueness = "keep"
    overlap = "replace"
    ike_lifetime = "8h"
    reauth = "24h"
    mobike = false
    fragmentation = false
    fragment_size = 1200
    child_sas_max = 40
    follow_redirect = true
    unknown_sites = "silent"
  `;
  expect(eroute(keys)?.life).toEqual({
    unknownSites: "silent",
    start: "never",
    noSa: "drop",
    inactivityMs: 900_000,
    uniqueness: "keep",
    overlap: "replace",
    ikeLifetimeMs: 8 * 3_600_000,
    reauthMs: 24 * 3_600_000,
    mobike: false,
    fragmentation: false,
    fragmentSize: 1_200,
    childSasMax: 40,
    followRedirect: true,
  });
  expect(eroute('inactivity = "off"\nreauth = "off"')?.life).toEqual(DEFAULT_LIFE);
});

test("what Child SAs carry, and how the kernel treats it", () => {
  const keys = `
    protocol = "tcp"
    remote_port = 443
    lifetime_packets = 1000000
    transport = true
    copy_dscp = false
    ecn = false
    path_mtu_discovery = false
    if_id = 42
    mark = "0x10/0xf0"
    routes = true
  `;
  const found = eroute(keys);
  expect(found?.traffic).toEqual({ protocol: 6, localPort: undefined, remotePort: 443 });
  expect(found?.child).toMatchObject({
    lifetimePackets: 1_000_000n,
    transport: true,
    copyDscp: false,
    ecn: false,
    pathMtuDiscovery: false,
    ifId: 42,
    mark: { value: 0x10, mask: 0xf0 },
    routes: true,
  });
  expect(eroute("mark = 16")?.child.mark).toEqual({ value: 16, mask: 0xffff_ffff });
  expect(eroute("protocol = 50")?.traffic.protocol).toBe(50);
});

test("contradictions and invalid values are refused with their key", () => {
  const path = "eroute[0]";
  const cases: readonly (readonly [string, string])[] = [
    ['start = "always"', "start"],
    ["local_port = 80", "local_port"],
    ['protocol = "icmp"\nremote_port = 8', "remote_port"],
    ['protocol = "http"', "protocol"],
    ["protocol = 256", "protocol"],
    ['mark = "0x10/0x0f"', "mark"],
    ['mark = "0x100000000"', "mark"],
    ["if_id = 0", "if_id"],
    ['inactivity = "1s"', "inactivity"],
    ['ike_lifetime = "1s"', "ike_lifetime"],
    ['reauth = "1s"', "reauth"],
    ['no_sa = "encrypt"', "no_sa"],
    ["mobike = 1", "mobike"],
    ["lifetime_packets = 10", "lifetime_packets"],
  ];
  for (const [keys, key] of cases) {
    const [first = ""] = told(`${FLEET}${keys}`);
    expect(first.replaceAll(/^eroute[^.]*/g, path)).toStartWith(`${path}.${key} `);
  }
});

test("lifetimes of seconds, and a trap that leads nowhere, are warned of", () => {
  expect(warned(`${FLEET}lifetime = "10s"`).join()).toContain("lifetime is 10 s");
  expect(warned(`${FLEET}start = "never"\nno_sa = "initiate"`).join()).toContain("no_sa");
});

test("retransmission, half-open limits, calls, and the default eroute", () => {
  const text = `
    [ike]
    half_open_per_prefix = 50
    calls_max = 10
    ike_sas_per_site = 8
    child_sas_per_site = 20
    retransmit_first = "500ms"
    retransmit_backoff = 2
    retransmit_tries = 4
    nat_keepalive = "15s"
    [default_eroute]
    outbound = "drop"
    except = ["192.0.2.0/24"]
  `;
  const { plan } = config(text);
  expect(plan.limits).toMatchObject({
    halfOpenPerPrefixMax: 50,
    callsMax: 10,
    ikeSasPerSiteMax: 8,
    childSasPerSiteMax: 20,
    retransmission: { firstMs: 500, backoff: 2, attemptsMax: 4 },
    natKeepaliveMs: 15_000,
  });
  expect(plan.defaultEroute).toMatchObject({ outbound: "drop", inbound: "pass" });
  expect(plan.defaultEroute.except.map(formatPrefix)).toEqual(["192.0.2.0/24"]);
  expect(warned('[default_eroute]\ninbound = "drop"').join()).toContain("default_eroute.except");
});
