/**
 * The concentrator calls because of a packet for a site: sites with three kinds of software answer
 * (R12). It rekeys by itself.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ErouteSeen, erouteViews, expectKernelAsStatusSays } from "./agreement.ts";
import { OUR_ID } from "./erouted.ts";
import { until } from "./hosts.ts";
import { CONCENTRATOR, OFFICE, type Site } from "./laboratory.ts";
import { startLibreswan } from "./libreswan.ts";
import { dropsSince, whenTheyCame } from "./losses.ts";
import { startOpeniked } from "./openiked.ts";
import { pingBothWays, pskOf, rowOf, type Scenario, startScenario, startSite } from "./scenario.ts";
import { isAnswered, startPinging, watchEsp } from "./wire.ts";
import { watchStates, xfrmDrops, xfrmPolicies, xfrmStates } from "./xfrm-states.ts";

/** A site's software, reduced to what all of them can do. */
type Called = { log(): Promise<string>; stop(): Promise<void> };

type CalledSite = {
  readonly software: string;
  readonly number: number;
  start(site: Site): Promise<Called>;
};

const SITES: readonly CalledSite[] = [
  { software: "strongSwan", number: 1, start: async (site) => await startSite(site) },
  { software: "libreswan", number: 2, start: async (site) => await startLibreswan(...libre(site)) },
  { software: "OpenIKED", number: 3, start: async (site) => await startOpeniked(...iked(site)) },
];

/** During all of this, erouted rekeys each Child SA and each IKE SA at least twice. */
const REKEY_SECONDS = 26;
const EROUTE = 'lifetime = "12s"\nike_lifetime = "13s"';

let scenario: Scenario;
const sites = new Map<string, { readonly site: Site; readonly peer: Called }>();

beforeAll(async () => {
  scenario = await startScenario({
    sites: SITES.map(({ number }) => ({ ...rowOf(number), peerip: `192.0.2.${10 + number}` })),
    egroup: 'remote_mask = "255.255.255.0"',
    eroute: EROUTE,
  });
  for (const { software, number, start } of SITES) {
    const site = await scenario.laboratory.addSite(number);
    sites.set(software, { site, peer: await start(site) });
  }
});

afterAll(async () => {
  for (const { peer } of sites.values()) await peer.stop();
  await scenario?.erouted.stop();
});

for (const { software } of SITES) {
  test(`R12: a packet from the office makes erouted call a site with ${software}`, async () => {
    const { site, peer } = siteOf(software);
    // The first packet of an algorithm makes the kernel load it, which takes seconds in a guest.
    const answers = () => isAnswered(scenario.laboratory.office, site.inner.v4, { count: 5 });
    await until("a ping is answered", answers).catch(async (cause) => {
      const logs = `${await peer.log()}\nerouted:\n${await scenario.erouted.log()}`;
      throw new Error(logs, { cause });
    });
    expect(await erouteOf(site)).toMatchObject({
      state: "established",
      ike_sa: { role: "initiator" },
    });
    await pingBothWays(scenario, site);
  });
}

test("R5: erouted rekeys what it has called, Child and IKE SAs, without loss", async () => {
  await expectKernelAsStatusSays(scenario);
  const before = new Map((await erouteViews(scenario)).map((eroute) => [eroute.name, eroute]));
  // The packets for which the sites were called had no state to use.
  const { concentrator } = scenario.laboratory;
  const drops = await xfrmDrops(concentrator);
  const iked = siteOf("OpenIKED").site.host;
  const dropsOfIked = await xfrmDrops(iked);
  const states = await watchStates(concentrator);
  const esp = await watchEsp(concentrator, "wan");
  const pings = [...sites.values()].flatMap(({ site }) => [
    startPinging(site.host, OFFICE.v4, site.inner.v4),
    startPinging(scenario.laboratory.office, site.inner.v4),
  ]);
  await Bun.sleep(REKEY_SECONDS * 1_000);
  const lost = await Promise.all(pings.map(async (one) => (await (await one).stop()).lost));
  const dropped = await dropsSince(concentrator, drops, ["XfrmInNoStates"]);
  const [packets, lives] = [await esp.stop(), await states.stop()];
  const { early, late } = whenTheyCame(packets, lives);
  console.error(`${packets.length} ESP packets, ${lives.size} states, ${early} early`);
  expect([...lives.values()].filter(({ goneMs }) => goneMs !== undefined)).not.toEqual([]);
  expect(late).toEqual([]);
  expect(dropped).toBeLessThanOrEqual(early);
  const [swan = [], libreswan = [], openiked = []] = [0, 2, 4].map((at) =>
    lost.slice(at, at + 2).flat(),
  );
  expect(swan).toEqual([]);
  const byIked = await dropsSince(iked, dropsOfIked, ["XfrmInNoStates", "XfrmAcquireError"]);
  expect(libreswan.length + openiked.length).toBeLessThanOrEqual(dropped + byIked);
  for (const after of await erouteViews(scenario)) {
    const former = before.get(after.name);
    expect(after.ike_sa?.spi_i).not.toBe(former?.ike_sa?.spi_i);
    expect(after.child_sas.map((child) => child.spi_in)).not.toEqual(
      former?.child_sas.map((child) => child.spi_in),
    );
  }
  await expectKernelAsStatusSays(scenario);
});

test("all of them are notified when erouted stops", async () => {
  expect(await scenario.erouted.stop()).toBe(0);
  for (const [software, { site, peer }] of sites) {
    const gone = async () => (await xfrmStates(site.host)).length === 0;
    await until(`${software}'s states are gone`, gone).catch(async (error) => {
      const logs = `${await peer.log()}\nerouted:\n${await scenario.erouted.log()}`;
      throw new Error(`${JSON.stringify(await xfrmStates(site.host))}\n${logs}`, { cause: error });
    });
  }
  expect(await xfrmStates(scenario.laboratory.concentrator)).toEqual([]);
  expect(await xfrmPolicies(scenario.laboratory.concentrator)).toEqual([]);
});

function siteOf(software: string): { readonly site: Site; readonly peer: Called } {
  const found = sites.get(software);
  if (found === undefined) throw new Error(`no site runs ${software}`);
  return found;
}

async function erouteOf(site: Site): Promise<ErouteSeen | undefined> {
  const eroutes = await erouteViews(scenario);
  return eroutes.find((eroute) => eroute.peer_id === `site-${site.number}`);
}

function libre(site: Site): Parameters<typeof startLibreswan> {
  return [
    site.host,
    { ...ends(site), ike: "aes128-sha2_256-dh31", esp: "aes_gcm128", more: ["rekey=no"] },
  ];
}

function iked(site: Site): Parameters<typeof startOpeniked> {
  const ike = "enc aes-128 prf hmac-sha2-256 auth hmac-sha2-256 group curve25519";
  const esp = "enc aes-128 auth hmac-sha2-512";
  return [site.host, { ...ends(site), ike, esp, called: true }];
}

function ends(site: Site) {
  return {
    localId: `site-${site.number}`,
    remoteId: OUR_ID,
    psk: pskOf(site.number),
    localAddress: site.address.v4,
    remoteAddress: CONCENTRATOR.v4,
    localSubnet: site.subnet.v4,
    remoteSubnet: "10.0.0.0/16",
  };
}
