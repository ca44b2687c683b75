/**
 * strongSwan with Child SAs of equal selectors, and its make-before-break, under constant pings.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { erouteViews } from "./agreement.ts";
import { expectNoLossWhile } from "./defaults.ts";
import { until } from "./hosts.ts";
import { OFFICE, type Site } from "./laboratory.ts";
import { bringUp, rowOf, type Scenario, startScenario, startSite } from "./scenario.ts";
import type { StrongSwan } from "./strongswan.ts";
import { startPinging } from "./wire.ts";

/** Longer than anything scheduled may take. */
const SETTLED_MS = 40_000;
const REAUTHS = 2;

/**
 * The mark gives the twin another reqid at the site, whose inbound policy accepts only one of the
 * two.
 */
const SITE_DROPS = ["XfrmInTmplMismatch", "XfrmInNoStates", "XfrmAcquireError"];

let scenario: Scenario;
let site: Site;
let swan: StrongSwan;

beforeAll(async () => {
  scenario = await startScenario({ sites: [rowOf(1)] });
  site = await scenario.laboratory.addSite(1);
  swan = await startSite(site, {
    charon: "make_before_break = yes",
    child: `} twin { esp_proposals = aes128gcm16
      local_ts = ${site.subnet.v4}
      remote_ts = 10.0.0.0/16
      rekey_time = 0s
      mark_out = 7`, // strongSwan does not make a second one that is equal in all but the mark
  });
  await bringUp(scenario, swan);
});

afterAll(async () => {
  await swan?.stop();
  await scenario?.erouted.stop();
});

test("two Child SAs with the same selectors stay, and the site rekeys each", async () => {
  const work = async () => {
    await swan.control("initiate", { child: "twin" });
    await untilChildSas(2);
    const before = await spis();
    await Bun.sleep(SETTLED_MS);
    expect(await spis()).toEqual(before);
    for (const child of ["net", "twin"]) await swan.control("rekey", { child });
    const areNew = async () => {
      const now = await spis();
      return now.length === 2 && now.every((spi) => !before.includes(spi));
    };
    await until("both have other SPIs", areNew);
  };
  await expectNoLossWhile(scenario, site, work, SITE_DROPS);
});

test("the site deletes one of the two, and the other one carries on", async () => {
  const work = async () => {
    const before = await spis();
    // Its other one carries packets without a mark.
    await swan.control("terminate", { child: "twin" });
    await untilChildSas(1);
    await Bun.sleep(SETTLED_MS);
    const [left, ...more] = await spis();
    expect(more).toEqual([]);
    expect(before).toContain(left ?? "");
  };
  await expectNoLossWhile(scenario, site, work, SITE_DROPS);
});

test("make before break: the site authenticates again and again", async () => {
  const lost = await lostWhile(async () => {
    for (let round = 0; round < REAUTHS; round++) {
      const before = await spis();
      await swan.control("rekey", { ike: "net", reauth: "yes" });
      await until("it has another Child SA, alone", async () => {
        const now = await spis();
        return now.length === 1 && !before.includes(now[0] ?? "");
      });
      const after = await spis();
      await Bun.sleep(SETTLED_MS);
      expect(await spis()).toEqual(after);
    }
  });
  // What we send with new keys may overtake the answer that sets up the site's end.
  expect(lost.there.length + lost.back.length).toBeLessThanOrEqual(2 * REAUTHS);
});

async function untilChildSas(count: number): Promise<void> {
  await until(`${count} Child SAs`, async () => (await spis()).length === count);
}

/** The inbound SPIs of the site's Child SAs. */
async function spis(): Promise<readonly string[]> {
  const [eroute] = await erouteViews(scenario);
  return (eroute?.child_sas ?? []).map((child) => child.spi_in).sort();
}

async function lostWhile(work: () => Promise<void>) {
  const there = await startPinging(site.host, OFFICE.v4, site.inner.v4);
  const back = await startPinging(scenario.laboratory.office, site.inner.v4);
  await work();
  await Bun.sleep(1_000);
  return { there: (await there.stop()).lost, back: (await back.stop()).lost };
}
