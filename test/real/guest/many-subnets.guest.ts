/**
 * Sites with many subnets, and with ranges of addresses that are not subnets, called and calling:
 * strongSwan at the other end. What exceeds the kernel's room is reported.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ErouteSeen, erouteViews } from "./agreement.ts";
import { eventsOf } from "./events.ts";
import { configure, until } from "./hosts.ts";
import { OFFICE, type Site } from "./laboratory.ts";
import { bringUp, rowOf, type Scenario, startScenario, startSite } from "./scenario.ts";
import type { StrongSwan } from "./strongswan.ts";
import { isAnswered, ping } from "./wire.ts";
import { xfrmPolicies } from "./xfrm-states.ts";

/** `10.0.0.0/24`, `10.0.1.0/24`, …: twelve of them. */
const HERE = subnets("10.0", 12);
/** Of the site that calls, and of the site that is called. */
const CALLING = subnets("172.20", 12);
const CALLED = subnets("172.21", 12);
const LAST_HERE = "10.0.11.10";
/** Three policies for each pair. */
const POLICIES = 3 * 12 * 12;

const SECRET = "key of the branches";
const list = (all: readonly string[]) => `[${all.map((one) => `"${one}"`)}]`;
const branch = (name: string, there: readonly string[], more = "") => `
[[eroute]]
name = "${name}"
peerid = "${name}"
ourid = "concentrator.example"
local_subnet = ${list(HERE)}
remote_subnet = ${list(there)}
${more}

[[user]]
name = "${name}"
password_file = "/run/erouted/branch.secret"
`;

let scenario: Scenario;
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  scenario = await startScenario({
    sites: [
      rowOf(3),
      { ...rowOf(4), peerip: "192.0.2.14" },
      { ...rowOf(5), remip: "192.168.64.0", remmsk: "255.255.192.0" },
    ],
    egroup: 'remote_mask = "255.255.255.0"',
    more: branch("calling", CALLING) + branch("called", CALLED, 'peerip = "192.0.2.12"'),
    files: { "branch.secret": SECRET },
  });
  await configure(scenario.laboratory.office, [`addr add ${LAST_HERE}/16 dev eth0`]);
});

afterAll(async () => {
  for (const stop of stops) await stop();
  expect(await scenario.erouted.stop()).toBe(0);
});

test("a site with twelve subnets calls: all pairs are carried, the last one too", async () => {
  const { site, swan } = await branchSite(1, "calling", CALLING);
  await bringUp(scenario, swan);
  const before = await erouteOf("calling");
  expect(before.child_sas.map((child) => child.remote_subnets)).toEqual([CALLING]);
  expect(before.child_sas[0]?.local_subnets).toEqual(HERE);
  await pingsThrough(site, "172.20.11.1");
  expect(await policiesOf(before)).toBe(POLICIES);
});

test("a site with twelve subnets is called, for a packet to the last of them", async () => {
  const { site } = await branchSite(2, "called", CALLED);
  await untilReached("172.21.11.1");
  expect(await erouteOf("called")).toMatchObject({ ike_sa: { role: "initiator" } });
  await pingsThrough(site, "172.21.11.1");
});

test("a range of addresses that is not a subnet stays as the site sends it", async () => {
  const site = await scenario.laboratory.addSite(3);
  await configure(site.host, ["addr add 192.168.3.254/24 dev lo"]);
  const swan = await startSite(site, {
    localSubnet: "192.168.3.1-192.168.3.254",
    remoteSubnet: "10.0.0.1-10.0.0.254",
  });
  stops.push(swan.stop);
  await bringUp(scenario, swan);
  const [child] = (await erouteOf("site-3")).child_sas;
  expect(child?.remote_subnets).toEqual(["192.168.3.1-192.168.3.254"]);
  expect(child?.local_subnets).toEqual(["10.0.0.1-10.0.0.254"]);
  for (const from of ["192.168.3.1", "192.168.3.254"]) {
    expect(await ping(site.host, OFFICE.v4, { from })).toEqual({ sent: 3, received: 3 });
    const back = await ping(scenario.laboratory.office, from);
    expect(back).toEqual({ sent: 3, received: 3 });
  }
});

test("R12: a called site that grants part of the request as a range is connected", async () => {
  const site = await scenario.laboratory.addSite(4);
  const localSubnet = "192.168.4.1-192.168.4.254";
  const swan = await startSite(site, { localSubnet });
  stops.push(swan.stop);
  await untilReached(site.inner.v4);
  const seen = await erouteOf("site-4");
  expect(seen).toMatchObject({ ike_sa: { role: "initiator" } });
  expect(seen.child_sas[0]?.remote_subnets).toEqual([localSubnet]);
});

test("pairs over the limit are left out, and reported in events and why", async () => {
  const site = await scenario.laboratory.addSite(5);
  const there = subnets("192.168", 40, 64);
  const swan = await startSite(site, {
    ...{ localSubnet: there.join(","), remoteSubnet: subnets("10.0", 40).join(",") },
  });
  stops.push(swan.stop);
  await bringUp(scenario, swan);
  const [child] = (await erouteOf("site-5")).child_sas;
  expect(child?.remote_subnets).toEqual(there.slice(0, 16));
  const events = await eventsOf(scenario.erouted, "site-5");
  expect(events.map(({ reason }) => reason)).toContain("subnets-left-out");
  const { out } = await scenario.erouted.command("why", "site-5");
  expect(out).toContain("192.168.80.0/24, 192.168.81.0/24");
  expect(out).toContain("and 16 more of the site");
});

/** A site whose subnets are all its own, each with an address. */
async function branchSite(number: number, name: string, there: readonly string[]) {
  const site = await scenario.laboratory.addSite(number);
  await configure(
    site.host,
    there.map((subnet) => `addr add ${subnet.replace("0/24", "1/24")} dev lo`),
  );
  const swan: StrongSwan = await startSite(site, {
    ...{ localId: name, psk: SECRET },
    ...{ localSubnet: there.join(","), remoteSubnet: HERE.join(",") },
  });
  stops.push(swan.stop);
  return { site, swan };
}

/** The first packets have no SA yet: the call that they cause takes time. */
async function untilReached(inner: string): Promise<void> {
  const { office } = scenario.laboratory;
  const isReached = () => isAnswered(office, inner, { count: 5 });
  try {
    await until(`${inner} is reached`, isReached);
  } catch (error) {
    throw new Error(await scenario.erouted.log(), { cause: error });
  }
}

/** Both ways between the last subnet here and an address of the site. */
async function pingsThrough(site: Site, inner: string): Promise<void> {
  expect(await ping(site.host, LAST_HERE, { from: inner })).toEqual({ sent: 3, received: 3 });
  const { office } = scenario.laboratory;
  const back = await ping(office, inner, { from: LAST_HERE });
  expect(back).toEqual({ sent: 3, received: 3 });
}

/** Policies of the concentrator's kernel that name one of its Child SAs' subnets. */
async function policiesOf({ child_sas }: ErouteSeen): Promise<number> {
  const there = new Set(child_sas.flatMap(({ remote_subnets }) => remote_subnets));
  const policies = await xfrmPolicies(scenario.laboratory.concentrator);
  return policies.filter(({ src, dst }) => there.has(src) || there.has(dst)).length;
}

async function erouteOf(peerId: string): Promise<ErouteSeen> {
  const found = (await erouteViews(scenario)).find(({ peer_id }) => peer_id === peerId);
  if (found === undefined) throw new Error(`${peerId}: ${await scenario.erouted.log()}`);
  return found;
}

function subnets(start: string, count: number, from = 0): readonly string[] {
  return Array.from({ length: count }, (_, i) => `${start}.${from + i}.0/24`);
}
