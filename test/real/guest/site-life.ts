/** The life of a site, whatever its software: one suite for all of them. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { erouteViews, expectKernelAsStatusSays, type IkeSaSeen, ikeSaCount } from "./agreement.ts";
import { type Host, until } from "./hosts.ts";
import { OFFICE, type Site } from "./laboratory.ts";
import { pingBothWays, rowOf, type Scenario, startScenario } from "./scenario.ts";
import { capture, startPinging } from "./wire.ts";
import { untilNothingIsLeft, xfrmDrops, xfrmPolicies, xfrmStates } from "./xfrm-states.ts";

/** A site's software, reduced to what all of them can do. */
export type SitePeer = {
  /** Brings the Child SA up; false if it does not come up, the log says why. */
  initiate(): Promise<boolean>;
  /** Rekeys, or waits until the daemon has done so by itself. */
  rekeyChild(): Promise<void>;
  rekeyIke(): Promise<void>;
  /** Closes the IKE SA with its Child SAs, and notifies the peer. */
  terminate(): Promise<void>;
  log(): Promise<string>;
  stop(): Promise<void>;
};

export type SiteLife = {
  readonly software: string;
  start(site: Site): Promise<SitePeer>;
  /** In a rekey the site's own kernel may drop packets, because of its software. */
  readonly mayDrop: boolean;
  /** More lines of the base eroute. */
  readonly eroute?: string;
};

const REKEYS = 3;

/** Registers the suite's tests. */
export function siteLife(life: SiteLife): void {
  let scenario: Scenario;
  let site: Site;
  let peer: SitePeer;

  beforeAll(async () => {
    const { eroute } = life;
    scenario = await startScenario({ sites: [rowOf(1)], ...(eroute && { eroute }) });
    site = await scenario.laboratory.addSite(1);
    peer = await life.start(site);
  });

  afterAll(async () => {
    await peer?.stop();
    await scenario?.erouted.stop();
  });

  test(`R2 R4: ${life.software} gets a tunnel that carries pings, nothing in clear`, async () => {
    const wire = await capture(scenario.laboratory.internet, "br0");
    await connect();
    await pingBothWays(scenario, site);
    expect(await wire.stop()).toMatchObject({ clearText: false, esp: 12 });
    await expectKernelAsStatusSays(scenario);
  });

  test(`R5: ${life.software} rekeys its Child SA under traffic`, async () => {
    await losesNothing(async () => {
      for (let round = 0; round < REKEYS; round++) {
        const before = (await childSpis()).join();
        await peer.rekeyChild();
        await until("the old Child SA is gone", async () => {
          const after = await childSpis();
          return after.length === 2 && after.join() !== before;
        });
      }
    });
    await expectKernelAsStatusSays(scenario);
  });

  test(`R5: ${life.software} rekeys its IKE SA under traffic without loss`, async () => {
    await losesNothing(async () => {
      const before = await ikeSa();
      await peer.rekeyIke();
      const isNew = async () => (await ikeSa()).spi_i !== before.spi_i;
      await until("the status shows a new IKE SA", isNew);
    });
    await until("one IKE SA is left", async () => (await ikeSaCount(scenario)) === 1);
    await expectKernelAsStatusSays(scenario);
  });

  test(`R5: ${life.software} disconnects, and nothing is left`, async () => {
    await peer.terminate();
    await until("the eroute is gone", async () => (await erouteViews(scenario)).length === 0);
    const { concentrator } = scenario.laboratory;
    await until(
      "the site's states are gone",
      async () => (await xfrmStates(site.host)).length === 0,
    );
    // What was rekeyed just before is received for some seconds more.
    await untilNothingIsLeft(concentrator);
    expect(await ikeSaCount(scenario)).toBe(0);
  });

  test(`${life.software} connects again, and is notified when the concentrator stops`, async () => {
    await connect();
    await pingBothWays(scenario, site);
    await expectKernelAsStatusSays(scenario);
    expect(await scenario.erouted.stop()).toBe(0);
    await until("the site's states are gone", async () => {
      return (await xfrmStates(site.host)).length === 0;
    });
    expect(await xfrmStates(scenario.laboratory.concentrator)).toEqual([]);
    expect(await xfrmPolicies(scenario.laboratory.concentrator)).toEqual([]);
  });

  async function connect(): Promise<void> {
    if (await peer.initiate()) return;
    const logs = [await peer.log(), `erouted:\n${await scenario.erouted.log()}`];
    throw new Error(`${life.software} does not come up\n${logs.join("\n")}`);
  }

  async function childSpis(): Promise<number[]> {
    const states = await xfrmStates(scenario.laboratory.concentrator);
    return states.map((state) => state.spi).sort((a, b) => a - b);
  }

  async function ikeSa(): Promise<IkeSaSeen> {
    const [eroute] = await erouteViews(scenario);
    if (eroute?.ike_sa === null || eroute === undefined) throw new Error("no IKE SA");
    return eroute.ike_sa;
  }

  /**
   * Pings in both directions while the work lasts, and a little longer: none is lost but for what
   * the site's own kernel drops, where its software is known for that.
   */
  async function losesNothing(work: () => Promise<void>): Promise<void> {
    const before = await dropped(site.host);
    const there = await startPinging(site.host, OFFICE.v4, site.inner.v4);
    const back = await startPinging(scenario.laboratory.office, site.inner.v4);
    await work();
    await Bun.sleep(1_000);
    const lost = (await there.stop()).lost.length + (await back.stop()).lost.length;
    const bySite = life.mayDrop ? (await dropped(site.host)) - before : 0;
    expect(lost).toBeLessThanOrEqual(bySite);
    expect(await xfrmDrops(scenario.laboratory.concentrator)).toEqual({});
  }

  /** Packets that a host's XFRM dropped. */
  async function dropped(host: Host): Promise<number> {
    return Object.values(await xfrmDrops(host)).reduce((all, count) => all + count, 0);
  }
}
