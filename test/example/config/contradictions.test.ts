/** Keys that are right by themselves, but not together. */

import { expect, test } from "bun:test";
import { FLEET, told, warned } from "./read.ts";

const inFleet = (keys: string) => told(`${FLEET}${keys}\n`);
const warnedInFleet = (keys: string) => warned(`${FLEET}${keys}\n`);

const LAB = `
[[eroute]]
name = "lab"
peerid = "lab-gw"
local_subnet = "10.0.0.0/16"
remote_subnet = "172.20.0.0/24"
`;
const USER = `
[[user]]
name = "lab-gw"
password_file = "/etc/erouted/lab.secret"
`;
const PEERIP = 'peerip = "198.51.100.7"\n';

test("transport mode joins two hosts: several subnets are refused", () => {
  const several = LAB.replace('"172.20.0.0/24"', '["172.20.0.0/24", "172.21.0.0/24"]');
  expect(told(`${several}transport = true${USER}`)[0]).toStartWith("eroute[0].transport is true");
  expect(told(`${LAB}transport = true${USER}`)).toEqual([]);
  const ours = FLEET.replace('"10.0.0.0/16"', '["10.0.0.0/16", "10.1.0.0/16"]');
  expect(told(`${ours}transport = true\n`)).toHaveLength(1);
  // Which of these subnets belongs to a site is for its row to say.
  const theirs = FLEET.replace('"192.168.0.0/16"', '["192.168.0.0/16", "172.16.0.0/12"]');
  expect(told(`${theirs}transport = true\n`)).toEqual([]);
});

test("more subnets than one Child SA has room for are refused, with both numbers", () => {
  const list = (start: string, count: number) =>
    `[${Array.from({ length: count }, (_, i) => `"${start}.${i}.0/24"`)}]`;
  const lab = (here: number, there: number) =>
    LAB.replace('"10.0.0.0/16"', list("10.1", here)).replace(
      '"172.20.0.0/24"',
      list("172.20", there),
    );
  expect(told(`${lab(16, 16)}${USER}`)).toEqual([]);
  expect(told(`${lab(65, 1)}${USER}`)[0]).toContain("holds 65 subnets, at most 64");
  expect(told(`${lab(17, 16)}${USER}`)[0]).toContain("make 272 pairs of subnets");
  const fleet = FLEET.replace('"10.0.0.0/16"', list("10.1", 65));
  expect(told(fleet)[0]).toStartWith("eroute[0].local_subnet holds 65 subnets");
});

test("R13: an eroute that is always up has no time-out", () => {
  const always = `${LAB}${PEERIP}start = "always"\n`;
  expect(told(`${always}inactivity = "15m"${USER}`)[0]).toContain("called again at once");
  expect(told(`${always}inactivity = "off"${USER}`)).toEqual([]);
});

test("R12: an eroute that is always up is for one user", () => {
  const keys = `${PEERIP}start = "always"\n`;
  const lab = LAB.replace("lab-gw", "lab-*") + keys;
  expect(told(lab + USER)).toEqual([]);
  const [first] = told(lab + USER + USER.replace("lab-gw", "lab-2"));
  expect(first).toContain('peerid matches the users "lab-gw" and "lab-2"');
});

test("ICMP is another protocol in IPv6", () => {
  expect(inFleet('protocol = "icmp6"')[0]).toContain("all subnets are of IPv4");
  expect(inFleet('protocol = "icmp"')).toEqual([]);
  const v6 = FLEET.replace("10.0.0.0/16", "2001:db8::/48").replace("192.168.0.0/16", "fd00::/8");
  expect(told(`${v6}protocol = "icmp"\n`)[0]).toContain("all subnets are of IPv6");
});

test("R12: no site can be called without an address, and a configured call is warned of", () => {
  expect(warned(`${LAB}start = "on-traffic"${USER}`)[0]).toContain("there is no peerip");
  expect(warned(`${LAB}no_sa = "initiate"${USER}`)[0]).toStartWith("eroute[0].no_sa");
  expect(warned(`${LAB}${PEERIP}start = "on-traffic"${USER}`)).toEqual([]);
  const columns = "columns = { peerip = false, bakpeerip = false }\n[[eroute]]";
  const unmapped = `${FLEET.replace("[[eroute]]", columns)}no_sa = "initiate"\n`;
  expect(warned(unmapped)[0]).toContain("there is no peerip");
  expect(warnedInFleet('no_sa = "initiate"')).toEqual([]);
});

test("reauth replaces all SAs: longer lifetimes are never reached", () => {
  const keys = 'reauth = "1h"\nike_lifetime = "2h"\nlifetime = "1h"';
  expect(warnedInFleet(keys).map((text) => text.split(" ")[0])).toEqual([
    "eroute[0].ike_lifetime",
    "eroute[0].lifetime",
  ]);
  expect(warnedInFleet('reauth = "8h"\nike_lifetime = "2h"')).toEqual([]);
});

test("a site that may not replace itself needs liveness checks", () => {
  expect(warnedInFleet('uniqueness = "keep"\ndpd = "off"')[0]).toContain("a site that restarts");
  expect(warnedInFleet('uniqueness = "keep"')).toEqual([]);
});

test("a route to everything is warned of", () => {
  const all = LAB.replace("172.20.0.0/24", "0.0.0.0/0");
  expect(warned(`${all}routes = true${USER}`).join()).toContain("default route");
});

test("a mark whose mask matches every packet marks nothing", () => {
  expect(inFleet('mark = "0/0"')[0]).toContain("matches every packet");
});

test("a request that lasts for hours is refused, one of many minutes warned of", () => {
  const ike = (keys: string) => `[ike]\n${keys}\n${FLEET}`;
  expect(told(ike('retransmit_first = "1m"\nretransmit_tries = 30'))[0]).toContain("days");
  expect(told(ike("retransmit_backoff = 4\nretransmit_tries = 7"))).toEqual([
    expect.stringContaining("ike.retransmit_tries repeats a request for 91 minutes"),
  ]);
  expect(warned(ike("retransmit_tries = 10"))).toEqual([]);
  expect(warned(ike("retransmit_tries = 12"))[0]).toContain("24 minutes");
  expect(warned(ike("half_open_max = 500\nhalf_open_per_prefix = 600"))[0]).toContain("is 600");
});

test("R14: a default eroute that drops cuts off the database, unless it is excepted", () => {
  const drop = (key: string, except: string) =>
    `[default_eroute]\n${key} = "drop"\nexcept = ["${except}"]\n`;
  const at = (host: string) => FLEET.replace("db.example", host);
  for (const key of ["outbound", "inbound"]) {
    const [first = ""] = warned(drop(key, "198.51.100.0/24") + at("192.0.2.9"));
    expect(first).toStartWith(`default_eroute.${key} is "drop"`);
    expect(first).toContain("192.0.2.9, the database of egroup sites");
  }
  for (const host of ["198.51.100.9", "192.168.1.1", "127.0.0.1", "db.example"]) {
    expect(warned(drop("outbound", "198.51.100.0/24") + at(host))).toEqual([]);
  }
});
