/** Sites that erouted calls with IKEv1: they know IDs, keys and subnets, and nothing of erouted. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ErouteSeen, erouteViews, expectKernelAsStatusSays } from "./agreement.ts";
import { OUR_ID } from "./erouted.ts";
import { until } from "./hosts.ts";
import { CONCENTRATOR, OFFICE, type Site } from "./laboratory.ts";
import { startLibreswan } from "./libreswan.ts";
import { dropsSince, SENDING, whenTheyCame } from "./losses.ts";
import { pingBothWays, pskOf, rowOf, type Scenario, startScenario, startSite } from "./scenario.ts";
import { isAnswered, startPinging, watchEsp } from "./wire.ts";
import { watchStates, xfrmDrops } from "./xfrm-states.ts";

/** A site's software, reduced to what both of them can do. */
type Called = { log(): Promise<string>; stop(): Promise<void> };

type Settings = {
  readonly mode: "main" | "aggressive";
  /** Of Phase 2 at the sites: with perfect forward secrecy, or without. */
  readonly esp: { readonly strongswan: string; readonly libreswan: readonly string[] };
};

/** During this time, Phase 1 is begun anew at least once, and Phase 2 at least once. */
const RENEWAL_SECONDS = 50;
const LIVES = 'lifetime = "40s"\nike_lifetime = "45s"';

/** The tests of one mode of Phase 1. */
export function testCalls({ mode, esp }: Settings): void {
  let scenario: Scenario;
  const sites = new Map<string, { readonly site: Site; readonly peer: Called }>();
  const siteOf = (software: string) => {
    const found = sites.get(software);
    if (found === undefined) throw new Error(`no site with ${software}`);
    return found;
  };
  const viewOf = async (site: Site): Promise<ErouteSeen | undefined> =>
    (await erouteViews(scenario)).find(({ peer_id }) => peer_id === `site-${site.number}`);
  const logsOf = async (peer: Called) =>
    `${await peer.log()}\nerouted:\n${await scenario.erouted.log()}`;

  beforeAll(async () => {
    scenario = await startScenario({
      sites: [1, 2].map((number) => ({ ...rowOf(number), peerip: `192.0.2.${10 + number}` })),
      egroup: 'remote_mask = "255.255.255.0"',
      eroute: `ike_version = "v1"\nikev1_mode = "${mode}"\n${LIVES}`,
      status: 'operate_token_file = "/run/erouted/operate.token"',
      files: { "operate.token": "an-operators-token" },
    });
    const first = await scenario.laboratory.addSite(1);
    const swan = await startSite(first, {
      ...{ version: 1, aggressive: mode === "aggressive" },
      ...{ ike: "aes256-sha256-modp2048", esp: esp.strongswan },
    });
    sites.set("strongSwan", { site: first, peer: swan });
    const second = await scenario.laboratory.addSite(2);
    const libreswan = await startLibreswan(second.host, {
      version: 1,
      localId: "site-2",
      remoteId: OUR_ID,
      psk: pskOf(2),
      localAddress: second.address.v4,
      remoteAddress: CONCENTRATOR.v4,
      ike: "aes256-sha2_256-dh14",
      esp: "aes256-sha2_256",
      localSubnet: second.subnet.v4,
      remoteSubnet: "10.0.0.0/16",
      more: [...(mode === "aggressive" ? ["aggressive=yes"] : []), ...esp.libreswan],
    });
    sites.set("libreswan", { site: second, peer: libreswan });
  });

  afterAll(async () => {
    for (const { peer } of sites.values()) await peer.stop();
    await scenario?.erouted.stop();
  });

  for (const software of ["strongSwan", "libreswan"]) {
    test(`R12: ${mode} mode: a packet makes erouted call a site with ${software}`, async () => {
      const { site, peer } = siteOf(software);
      const answers = () => isAnswered(scenario.laboratory.office, site.inner.v4, { count: 5 });
      await until("a ping is answered", answers).catch(async (cause) => {
        throw new Error(await logsOf(peer), { cause });
      });
      expect(await viewOf(site)).toMatchObject({
        state: "established",
        ike_sa: { role: "initiator", version: 1 },
      });
      await pingBothWays(scenario, site);
    });
  }

  test(`${mode} mode: erouted begins Phase 1 anew under pings, without loss`, async () => {
    const before = await erouteViews(scenario);
    const { concentrator } = scenario.laboratory;
    const ours = await xfrmDrops(concentrator);
    const theirs = new Map<Site, Readonly<Record<string, number>>>();
    for (const { site } of sites.values()) theirs.set(site, await xfrmDrops(site.host));
    const states = await watchStates(concentrator);
    const esp = await watchEsp(concentrator, "wan");
    const pings = [...sites.values()].flatMap(({ site }) => [
      startPinging(site.host, OFFICE.v4, site.inner.v4),
      startPinging(scenario.laboratory.office, site.inner.v4),
    ]);
    await Bun.sleep(RENEWAL_SECONDS * 1_000);
    const lost = await Promise.all(pings.map(async (one) => (await (await one).stop()).lost));
    for (const { site, peer } of sites.values()) {
      const former = before.find(({ peer_id }) => peer_id === `site-${site.number}`);
      const after = await viewOf(site);
      const spi = after?.ike_sa?.spi_i;
      if (spi === undefined || spi === former?.ike_sa?.spi_i) {
        throw new Error(await logsOf(peer));
      }
    }
    // Libreswan sends with new keys as soon as it has answered, before our state can exist.
    const dropped = await dropsSince(concentrator, ours, ["XfrmInNoStates"]);
    const { early, late } = whenTheyCame(await esp.stop(), await states.stop());
    console.error(`${lost.flat().length} lost, ${early} early`);
    expect(late).toEqual([]);
    expect(dropped).toBeLessThanOrEqual(early);
    // A site may drop what it sends itself while it puts new keys in place of old ones.
    let bySites = 0;
    for (const { site } of sites.values()) {
      bySites += await dropsSince(site.host, theirs.get(site) ?? {}, SENDING);
    }
    expect(lost.flat().length).toBeLessThanOrEqual(dropped + bySites);
    await expectKernelAsStatusSays(scenario);
  });

  test(`${mode} mode: an operator disconnects a site, and connects it again`, async () => {
    const { site, peer } = siteOf("strongSwan");
    expect((await scenario.erouted.command("disconnect", "site-1")).status).toBe(0);
    await until("the eroute is gone", async () => (await viewOf(site)) === undefined);
    expect((await scenario.erouted.command("connect", "site-1")).status).toBe(0);
    const isUp = async () => (await viewOf(site))?.child_sas.length === 1;
    await until("the site is connected", isUp).catch(async (cause) => {
      throw new Error(await logsOf(peer), { cause });
    });
    await pingBothWays(scenario, site);
  });
}
