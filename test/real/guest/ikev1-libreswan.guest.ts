/** libreswan calls with IKEv1 (Aggressive Mode, PSK), which its eroute allows. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { erouteViews } from "./agreement.ts";
import { OUR_ID } from "./erouted.ts";
import { until } from "./hosts.ts";
import { CONCENTRATOR, type Site } from "./laboratory.ts";
import { startLibreswan } from "./libreswan.ts";
import { pingBothWays, pskOf, rowOf, type Scenario, startScenario } from "./scenario.ts";
import type { SitePeer } from "./site-life.ts";
import { capture } from "./wire.ts";
import { xfrmPolicies, xfrmStates } from "./xfrm-states.ts";

let scenario: Scenario;
let site: Site;
let peer: SitePeer;

beforeAll(async () => {
  scenario = await startScenario({ sites: [rowOf(1)], eroute: 'ike_version = "v1"' });
  site = await scenario.laboratory.addSite(1);
  peer = await startLibreswan(site.host, {
    version: 1,
    localId: `site-${site.number}`,
    remoteId: OUR_ID,
    psk: pskOf(site.number),
    localAddress: site.address.v4,
    remoteAddress: CONCENTRATOR.v4,
    ike: "aes256-sha2_256-dh14",
    esp: "aes256-sha2_256",
    localSubnet: site.subnet.v4,
    remoteSubnet: "10.0.0.0/16",
    more: ["aggressive=yes", "pfs=no"],
  });
});

afterAll(async () => {
  await peer?.stop();
  await scenario?.erouted.stop();
});

test("libreswan with IKEv1 gets a tunnel that carries pings, nothing in clear", async () => {
  const wire = await capture(scenario.laboratory.internet, "br0");
  await connect();
  await pingBothWays(scenario, site);
  expect(await wire.stop()).toMatchObject({ clearText: false, esp: 12 });
  expect(await erouteViews(scenario)).toMatchObject([{ ike_sa: { version: 1 } }]);
});

test("libreswan with IKEv1 disconnects, and nothing is left at either end", async () => {
  await peer.terminate();
  await nothingIsLeft();
});

test("libreswan with IKEv1 connects again, and is notified when erouted stops", async () => {
  await connect();
  await pingBothWays(scenario, site);
  expect(await scenario.erouted.stop()).toBe(0);
  await until("the site's states are gone", async () => {
    return (await xfrmStates(site.host)).length === 0;
  });
});

async function connect(): Promise<void> {
  if (await peer.initiate()) return;
  const logs = [await peer.log(), `erouted:\n${await scenario.erouted.log()}`];
  throw new Error(`libreswan does not come up\n${logs.join("\n")}`);
}

async function nothingIsLeft(): Promise<void> {
  const { concentrator } = scenario.laboratory;
  const isEmpty = async (of: Promise<readonly unknown[]>) => (await of).length === 0;
  await until("the eroute is gone", async () => await isEmpty(erouteViews(scenario)));
  await until("the policies are gone", async () => await isEmpty(xfrmPolicies(concentrator)));
  await until("our states are gone", async () => await isEmpty(xfrmStates(concentrator)));
  await until("the site's states are gone", async () => await isEmpty(xfrmStates(site.host)));
}
