/** The life of a site, whatever its software: one suite for all of them. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { erouteViews, expectKernelAsStatusSays, type IkeSaSeen, ikeSaCount } from "./agreement.ts";
import { until } from "./hosts.ts";
import { OFFICE, type Site } from "./laboratory.ts";
import { pingBothWays, rowOf, type Scenario, startScenario } from "./scenario.ts";
import { capture, startPinging } from "./wire.ts";
import { xfrmDrops, xfrmPolicies, xfrmStates } from "./xfrm-states.ts";

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
  /** Pings that may be lost in a rekey of a Child SA, because of the site's software. */
  readonly lostMaxPerRekey: number;
};

const REKEYS = 3;

/** Registers the suite's tests. */
export function siteLife(life: SiteLife): void {
  let scenario: Scenario;
  let site: Site;
  let peer: SitePeer;

  beforeAll(async () => {
    scenario = await startScenario({ sites: [rowOf(1)] });
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
    const lost = await lostWhile(async () => {
      for (let round = 0; round < REKEYS; round++) {
        const before = (await childSpis()).join();
        await peer.rekeyChild();
        await until("the old Child SA is gone", async () => {
          const after = await childSpis();
          return after.length === 2 && after.join() !== before;
        });
      }
    });
    expect(lost.there).toBeLessThanOrEqual(REKEYS * life.lostMaxPerRekey);
    expect(lost.back).toBeLessThanOrEqual(REKEYS * life.lostMaxPerRekey);
    expect(await xfrmDrops(scenario.laboratory.concentrator)).toEqual({});
    await expectKernelAsStatusSays(scenario);
  });

  test(`R5: ${life.software} rekeys its IKE SA under traffic without loss`, async () => {
    const dropsThere = await xfrmDrops(site.host);
    const lost = await lostWhile(async () => {
      const before = await ikeSa();
      await peer.rekeyIke();
      const isNew = async () => (await ikeSa()).spi_i !== before.spi_i;
      await until("the status shows a new IKE SA", isNew);
    });
    // Software that rekeys its Child SAs in the meantime may lose some, because of its own
    // behaviour.
    const { XfrmInNoStates: then = 0 } = dropsThere;
    const { XfrmInNoStates: now = 0 } = await xfrmDrops(site.host);
    const itsOwn = life.lostMaxPerRekey === 0 ? 0 : now - then;
    expect(lost.there + lost.back).toBeLessThanOrEqual(itsOwn);
    expect(await xfrmDrops(scenario.laboratory.concentrator)).toEqual({});
    await until("one IKE SA is left", async () => (await ikeSaCount(scenario)) === 1);
    await expectKernelAsStatusSays(scenario);
  });

  test(`R5: ${life.software} disconnects, and nothing is left`, async () => {
    await peer.terminate();
    await until("the eroute is gone", async () => (await erouteViews(scenario)).length === 0);
    const { concentrator } = scenario.laboratory;
    expect(await xfrmPolicies(concentrator)).toEqual([]);
    await until(
      "the site's states are gone",
      async () => (await xfrmStates(site.host)).length === 0,
    );
    // What was rekeyed just before is received for some seconds more.
    await until("ours are gone", async () => (await xfrmStates(concentrator)).length === 0);
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

  /** Pings in both directions while the work lasts, and a little longer. */
  async function lostWhile(work: () => Promise<void>): Promise<{ there: number; back: number }> {
    const there = await startPinging(site.host, OFFICE.v4, site.inner.v4);
    const back = await startPinging(scenario.laboratory.office, site.inner.v4);
    await work();
    await Bun.sleep(1_000);
    return { there: (await there.stop()).lost.length, back: (await back.stop()).lost.length };
  }
}
