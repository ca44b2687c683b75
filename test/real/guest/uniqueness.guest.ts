/** One site that calls twice: from elsewhere, or after a restart; and one that reauthenticates. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { patient } from "../../patience.ts";
import { erouteViews, expectKernelAsStatusSays, ikeSaCount } from "./agreement.ts";
import { until } from "./hosts.ts";
import type { Site } from "./laboratory.ts";
import {
  bringUp,
  pingBothWays,
  pskOf,
  rowOf,
  type Scenario,
  startScenario,
  startSite,
} from "./scenario.ts";
import type { StrongSwan } from "./strongswan.ts";

/** The shortest that the configuration allows. */
const REAUTH = 'reauth = "1m"';
/** strongSwan reauthenticates this much earlier than it would be deleted. */
const AT_HOME = { connection: "over_time = 15s" };
const REAUTH_MS_MAX = patient(75_000);

let scenario: Scenario;
let home: Site;
let elsewhere: Site;
let atHome: StrongSwan;
let abroad: StrongSwan;

beforeAll(async () => {
  scenario = await startScenario({ sites: [rowOf(1)], eroute: REAUTH });
  home = await scenario.laboratory.addSite(1);
  elsewhere = await scenario.laboratory.addSite(2);
  atHome = await startSite(home, AT_HOME);
  abroad = await startSiteOneAbroad();
});

afterAll(async () => {
  await atHome?.stop();
  await abroad?.stop();
  expect(await scenario.erouted.stop()).toBe(0);
});

test("replace: a site that calls from elsewhere replaces its old IKE SA", async () => {
  await bringUp(scenario, atHome);
  await pingBothWays(scenario, home);
  await bringUp(scenario, abroad);
  await until("the former one is told", async () => (await atHome.ikeSpis()).length === 0);
  expect(await atHome.childSas()).toBe(0);
  expect((await erouteViews(scenario)).map((eroute) => eroute.peer_address)).toEqual([
    elsewhere.address.v4,
  ]);
  await expectKernelAsStatusSays(scenario);
  expect(await scenario.erouted.log()).toContain("replaced");
});

test("replace: a site that has lost its power comes back at once", async () => {
  await abroad.kill();
  await bringUp(scenario, atHome);
  await pingBothWays(scenario, home);
  await atHome.kill();
  atHome = await startSite(home, AT_HOME);
  await bringUp(scenario, atHome);
  await until("one IKE SA is left", async () => (await ikeSaCount(scenario)) === 1);
  await pingBothWays(scenario, home);
  await expectKernelAsStatusSays(scenario);
});

test("keep: the second caller gets no answer, the first stays", async () => {
  await setUniqueness("keep");
  const before = await atHome.ikeSpis();
  abroad = await startSiteOneAbroad();
  expect(await abroad.initiate(5)).toBe(false);
  expect(await atHome.ikeSpis()).toEqual(before);
  expect(await abroad.log()).not.toContain("AUTHENTICATION_FAILED");
  await pingBothWays(scenario, home);
  await expectKernelAsStatusSays(scenario);
  await abroad.kill();
  abroad = await startSiteOneAbroad();
});

test("never: both have an IKE SA", async () => {
  await setUniqueness("never");
  const before = await atHome.ikeSpis();
  await bringUp(scenario, abroad);
  await Bun.sleep(1_000);
  expect(await atHome.ikeSpis()).toEqual(before);
  expect((await abroad.ikeSpis()).length).toBe(1);
  expect(await ikeSaCount(scenario)).toBe(2);
  await abroad.terminate();
  await until("one IKE SA is left", async () => (await ikeSaCount(scenario)) === 1);
});

test(
  "reauth: strongSwan learns how long its authentication is accepted, and reauthenticates",
  async () => {
    const before = await atHome.ikeSpis();
    const anew = async () => {
      const now = await atHome.ikeSpis();
      return now.length === 1 && now[0] !== before[0];
    };
    await until("another IKE SA is up", anew, REAUTH_MS_MAX).catch(async (error) => {
      throw new Error(`${await atHome.log()}\nerouted:\n${await scenario.erouted.log()}`, {
        cause: error,
      });
    });
    expect(await atHome.log()).toContain("received AUTH_LIFETIME");
    await until("one IKE SA is left", async () => (await ikeSaCount(scenario)) === 1);
    await pingBothWays(scenario, home);
    await expectKernelAsStatusSays(scenario);
  },
  patient(100_000),
);

/**
 * The site's ID, key and subnet at another address. It does not claim to be the only one
 * (INITIAL_CONTACT): that would remove the former one without notice (RFC 7296 §2.4).
 */
async function startSiteOneAbroad(): Promise<StrongSwan> {
  return await startSite(elsewhere, {
    localId: "site-1",
    connection: "unique = never",
    psk: pskOf(1),
    localSubnet: home.subnet.v4,
  });
}

async function setUniqueness(policy: "keep" | "never"): Promise<void> {
  const { erouted } = scenario;
  const line = `uniqueness = "${policy}"\n`;
  await erouted.configure(
    (text) => `${text.replace(/^uniqueness = .*\n/m, "").trimEnd()}\n${line}`,
  );
  const reloads = (await erouted.log()).split("is in force").length;
  process.kill(erouted.pid, "SIGHUP");
  await until("the file is read", async () => {
    return (await erouted.log()).split("is in force").length > reloads;
  });
}
