/** Rekeying started by the site, several times, under traffic: not one ping is lost. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { until } from "./hosts.ts";
import { OFFICE, type Site } from "./laboratory.ts";
import { bringUp, rowOf, type Scenario, startScenario, startSite } from "./scenario.ts";
import type { StrongSwan } from "./strongswan.ts";
import { ping } from "./wire.ts";
import { xfrmStates } from "./xfrm-states.ts";

const REKEYS = 4;
const PINGS = 60;

let scenario: Scenario;
let site: Site;
let swan: StrongSwan;

beforeAll(async () => {
  scenario = await startScenario({ sites: [rowOf(1)] });
  site = await scenario.laboratory.addSite(1);
  swan = await startSite(site);
  await bringUp(scenario, swan);
});

afterAll(async () => {
  await swan?.stop();
  await scenario?.erouted.stop();
});

test("R5: a Child SA is rekeyed by the site under traffic without loss", async () => {
  const before = await spis();
  const lost = await lostDuring(async () => await swan.rekeyChild());
  expect(lost).toEqual({ there: 0, back: 0 });
  const after = await settledSpis();
  expect(after.filter((spi) => before.includes(spi))).toEqual([]);
});

test("R5: an IKE SA is rekeyed by the site under traffic without loss", async () => {
  const before = await spis();
  const ikeBefore = await swan.ikeSpis();
  const lost = await lostDuring(async () => await swan.rekeyIke());
  expect(lost).toEqual({ there: 0, back: 0 });
  expect(await settledSpis()).toEqual(before); // the Child SA moved to the new IKE SA unchanged
  expect(await swan.childSas()).toBe(1);
  const ikeAfter = await swan.ikeSpis();
  expect([ikeBefore.length, ikeAfter.length]).toEqual([1, 1]);
  expect(ikeAfter).not.toEqual(ikeBefore);
});

test("R5: after all that, the Child SA can be closed and leaves nothing behind", async () => {
  await swan.terminate();
  await until("nothing is left", async () => (await spis()).length === 0);
});

/** Pings in both directions while the site rekeys again and again. */
async function lostDuring(rekey: () => Promise<void>): Promise<{ there: number; back: number }> {
  const options = { count: PINGS, intervalSeconds: 0.1 };
  const pings = Promise.all([
    ping(site.host, OFFICE.v4, { ...options, from: site.inner.v4 }),
    ping(scenario.laboratory.office, site.inner.v4, options),
  ]);
  for (let round = 0; round < REKEYS; round++) {
    await rekey();
    await Bun.sleep(300);
  }
  const [there, back] = await pings;
  return { there: there.sent - there.received, back: back.sent - back.received };
}

/** Once the replaced ones are no longer received: the states of one Child SA. */
async function settledSpis(): Promise<number[]> {
  await until("one Child SA is left", async () => (await spis()).length === 2);
  return await spis();
}

async function spis(): Promise<number[]> {
  const states = await xfrmStates(scenario.laboratory.concentrator);
  return states.map((state) => state.spi).sort((a, b) => a - b);
}
