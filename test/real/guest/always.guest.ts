/** A normal eroute with start = "always": called at once, at its other address, and again (R12). */

import { afterAll, beforeAll, test } from "bun:test";
import { patient } from "../../patience.ts";
import { erouteViews, expectKernelAsStatusSays } from "./agreement.ts";
import { configure, until } from "./hosts.ts";
import type { Site } from "./laboratory.ts";
import { pingBothWays, type Scenario, startScenario, startSite } from "./scenario.ts";
import type { StrongSwan } from "./strongswan.ts";

/** The first address does not answer. A request is given up after some four seconds. */
const LAB = `
[ike]
retransmit_first = "500ms"
retransmit_tries = 4

[[eroute]]
name = "lab"
peerid = "lab-gw"
ourid = "concentrator.example"
peerip = "192.0.2.200"
bakpeerip = "192.0.2.11"
local_subnet = "10.0.0.0/16"
remote_subnet = "172.20.0.0/24"
start = "always"
dpd = "2s"

[[user]]
name = "lab-gw"
password_file = "/run/erouted/lab.secret"
`;
const CALL_MS_MAX = patient(30_000);

let scenario: Scenario;
let site: Site;
let swan: StrongSwan;

beforeAll(async () => {
  const files = { "lab.secret": "key of the laboratory" };
  scenario = await startScenario({ sites: [], more: LAB, files });
  const added = await scenario.laboratory.addSite(1);
  await configure(added.host, ["addr add 172.20.0.1/24 dev lo"]);
  const inner = { v4: "172.20.0.1", v6: added.inner.v6 };
  site = { ...added, inner };
  swan = await startLab();
});

afterAll(async () => {
  await swan?.stop();
  await scenario?.erouted.stop();
});

test("R12: peerip does not answer: bakpeerip is called, without a request", async () => {
  await untilUp();
  await pingBothWays(scenario, site);
  await expectKernelAsStatusSays(scenario);
});

test("the site says goodbye: it is called again", async () => {
  await swan.terminate();
  await untilUp();
  await pingBothWays(scenario, site);
});

test("the site vanishes and comes back: it is called again", async () => {
  await swan.kill();
  await until("erouted has given it up", async () => (await erouteViews(scenario)).length === 0);
  swan = await startLab();
  await untilUp();
  await pingBothWays(scenario, site);
  await expectKernelAsStatusSays(scenario);
});

async function startLab(): Promise<StrongSwan> {
  return await startSite(site, {
    localId: "lab-gw",
    psk: "key of the laboratory",
    localSubnet: "172.20.0.0/24",
  });
}

async function untilUp(): Promise<void> {
  const isUp = async () => {
    const [eroute] = await erouteViews(scenario);
    return eroute?.state === "established" && eroute.child_sas.length === 1;
  };
  await until("the laboratory is connected", isUp, CALL_MS_MAX).catch(async (error) => {
    throw new Error(`${await swan.log()}\nerouted:\n${await scenario.erouted.log()}`, {
      cause: error,
    });
  });
}
