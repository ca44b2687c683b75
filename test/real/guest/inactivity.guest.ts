/** Eroutes without traffic (R13): they stay while packets flow, end without, and come back. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { patient } from "../../patience.ts";
import { until } from "./hosts.ts";
import type { Site } from "./laboratory.ts";
import { dynamicPeerIds, rowOf, type Scenario, startScenario, startSite } from "./scenario.ts";
import type { StrongSwan } from "./strongswan.ts";
import { ping } from "./wire.ts";
import { untilNothingIsLeft } from "./xfrm-states.ts";

let scenario: Scenario;
let site: Site;
let swan: StrongSwan;

beforeAll(async () => {
  const peerip = "192.0.2.11";
  // Liveness checks are not traffic: they must not keep the eroute up.
  const eroute = 'inactivity = "10s"\ndpd = "2s"';
  const egroup = "remote_mask = 24";
  scenario = await startScenario({ sites: [{ ...rowOf(1), peerip }], egroup, eroute });
  site = await scenario.laboratory.addSite(1);
  expect(site.address.v4).toBe(peerip);
  swan = await startSite(site);
});

afterAll(async () => {
  await swan?.stop();
  await scenario?.erouted.stop();
});

test(
  "R13: with a ping every two seconds it stays, without them it ends, at both ends",
  async () => {
    await isBroughtUp();
    const pings = await ping(scenario.laboratory.office, site.inner.v4, {
      ...{ count: 12, intervalSeconds: 2 },
    });
    expect(pings).toEqual({ sent: 12, received: 12 });
    expect(await dynamicPeerIds(scenario)).toEqual(["site-1"]);
    const gone = async () => (await dynamicPeerIds(scenario)).length === 0;
    await until("it has gone", gone, patient(30_000));
    expect(await scenario.erouted.log()).toContain("inactive");
    await until("the site has been notified", async () => (await swan.ikeSpis()).length === 0);
    await untilNothingIsLeft(scenario.laboratory.concentrator);
  },
  patient(120_000),
);

test("R13: further packets bring it back", async () => {
  await isBroughtUp();
  expect(await ping(scenario.laboratory.office, site.inner.v4)).toEqual({ sent: 3, received: 3 });
});

/**
 * Packets make erouted call. They may be lost, and on a busy machine a call may fail at its
 * look-up's deadline: the next packet calls again.
 */
async function isBroughtUp(): Promise<void> {
  const isUp = async () => {
    // To wait longer for the first one, which is lost, would be inactivity.
    await ping(scenario.laboratory.office, site.inner.v4, { count: 1, waitSeconds: 1 });
    return (await dynamicPeerIds(scenario)).length === 1;
  };
  await until("packets bring the site up", isUp, patient(60_000));
}
