/** What machines do to their daemons: kill -9 at bad moments, clocks that jump, dead links. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { patient } from "../../patience.ts";
import { erouteViews, expectKernelAsStatusSays } from "./agreement.ts";
import { startErouted } from "./erouted.ts";
import { configure, must, until } from "./hosts.ts";
import { OFFICE, type Site } from "./laboratory.ts";
import {
  bringUp,
  dynamicPeerIds,
  pingBothWays,
  rowOf,
  type Scenario,
  startScenario,
  startSite,
} from "./scenario.ts";
import type { StrongSwan } from "./strongswan.ts";
import { ping, startPinging } from "./wire.ts";
import { xfrmDrops, xfrmStanding } from "./xfrm-states.ts";

/** Rekeying happens within this time, whatever the wall clock says. */
const SETTINGS = { sites: [rowOf(1)], eroute: 'lifetime = "6s"\ndpd = "5s"' };
const REKEYED_MS_MAX = patient(12_000);

/** After a site has begun to call, or to rekey: before, between and after all messages. */
const KILLED_AFTER_MS = [60, 150, 400];

let scenario: Scenario;
let site: Site;
let swan: StrongSwan;

beforeAll(async () => {
  scenario = await startScenario(SETTINGS);
  site = await scenario.laboratory.addSite(1);
  swan = await startSite(site);
});

afterAll(async () => {
  await swan?.stop();
  expect(await scenario.erouted.stop()).toBe(0);
});

test(
  "kill -9 while a site calls, or rekeys: the next start removes what is left",
  async () => {
    for (const [round, ms] of KILLED_AFTER_MS.entries()) {
      const isRekey = round % 2 === 1;
      if (isRekey) await bringUp(scenario, swan);
      const asked = isRekey ? swan.rekeyIke().then(() => swan.rekeyChild()) : swan.initiate(2);
      const busy = asked.catch(() => undefined); // the crash may come first
      await Bun.sleep(ms);
      await scenario.erouted.kill();
      await restart();
      // The site's next copy may have connected it again: what exists has to be what is known.
      await expectKernelAsStatusSays(scenario);
      expect((await xfrmStanding(scenario.laboratory.concentrator)).length).toBe(1);
      await busy;
      // The site has not heard of it: what it has now is of no use.
      await swan.control("terminate", { ike: "net", force: "yes" }).catch(() => undefined);
    }
    await swan.stop();
    swan = await startSite(site);
    await bringUp(scenario, swan);
    await pingBothWays(scenario, site);
    expect(await dynamicPeerIds(scenario)).toEqual(["site-1"]);
  },
  patient(120_000),
);

/** Elsewhere the clock is shared by all. */
const isOwnClock = readFileSync("/proc/cpuinfo", "utf8").includes("User Mode Linux");

test.skipIf(!isOwnClock)(
  "the clock goes back an hour, and forward two days: keys are replaced, no ping is lost",
  async () => {
    const pinging = await startPinging(site.host, OFFICE.v4, site.inner.v4);
    for (const seconds of [-3_600, 2 * 86_400]) {
      // In its first second, a state mistakes a jump for the end of its life (xfrm_timer_handler).
      await Bun.sleep(2_000);
      await must(undefined, ["date", "-s", `@${Math.floor(Date.now() / 1_000) + seconds}`]);
      for (let rekey = 0; rekey < 2; rekey++) await rekeyed();
    }
    expect((await pinging.stop()).lost).toEqual([]);
    expect(await xfrmDrops(site.host)).toEqual({});
    expect(await scenario.erouted.get("/healthz")).toContain("ok");
    await pingBothWays(scenario, site);
  },
  patient(120_000),
);

test(
  "the interface goes down and comes back: the tunnel is still there",
  async () => {
    const { concentrator } = scenario.laboratory;
    const before = (await erouteViews(scenario)).map(({ ike_sa }) => ike_sa?.spi_i);
    await configure(concentrator, ["link set wan down"]);
    await Bun.sleep(3_000);
    expect(await scenario.erouted.get("/healthz")).not.toBe("");
    await configure(concentrator, ["link set wan up", "route add default via 192.0.2.254"]);
    await until("packets flow", async () => {
      return (
        (await ping(site.host, OFFICE.v4, { from: site.inner.v4, count: 2, waitSeconds: 1 }))
          .received === 2
      );
    });
    await pingBothWays(scenario, site);
    const after = (await erouteViews(scenario)).map(({ ike_sa }) => ike_sa?.spi_i);
    expect(after).toEqual(before);
  },
  patient(60_000),
);

async function restart(): Promise<void> {
  const { laboratory } = scenario;
  const erouted = await startErouted(laboratory.concentrator, { ...SETTINGS, sites: [] });
  scenario = { laboratory, erouted };
}

/** Waits until all keys have changed. */
async function rekeyed(): Promise<void> {
  const spis = async () => (await erouteViews(scenario)).flatMap(({ child_sas }) => child_sas);
  const before = (await spis()).map(({ spi_in }) => spi_in);
  const isNew = async () => {
    const now = await spis();
    return now.length > 0 && now.every(({ spi_in }) => !before.includes(spi_in));
  };
  await until("the keys are replaced", isNew, REKEYED_MS_MAX);
}
