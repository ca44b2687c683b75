/**
 * Sites begin Phase 1 of Main Mode anew, and Phase 2 right after it. The last message of Phase 1 is
 * ours: the former ISAKMP SA stays until the site has shown that it knows of the new one.
 */

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { erouteViews, expectKernelAsStatusSays } from "./agreement.ts";
import { OUR_ID } from "./erouted.ts";
import { until } from "./hosts.ts";
import { CONCENTRATOR, OFFICE, type Site } from "./laboratory.ts";
import { startLibreswan } from "./libreswan.ts";
import { dropsSince, SENDING, whenTheyCame } from "./losses.ts";
import { bringUp, pskOf, rowOf, type Scenario, startScenario, startSite } from "./scenario.ts";
import type { SitePeer } from "./site-life.ts";
import { type PingResult, ping, watchEsp } from "./wire.ts";
import { watchStates, xfrmDrops, xfrmStates } from "./xfrm-states.ts";

let scenario: Scenario;
let site: Site;
let peer: SitePeer | undefined;

beforeAll(async () => {
  scenario = await startScenario({ sites: [rowOf(1)], eroute: 'ike_version = "v1"' });
  site = await scenario.laboratory.addSite(1);
  await scenario.erouted.sql("update eroutes set peerip = ?", site.address.v4);
});

afterEach(async () => {
  await peer?.stop();
  peer = undefined;
});

afterAll(async () => {
  expect(await scenario.erouted.stop()).toBe(0);
});

test("strongSwan begins Phase 1 anew: no ping is lost, and one pair of states stays", async () => {
  const ike = "aes256-sha256-modp2048";
  const swan = await startSite(site, { version: 1, ike, esp: "aes256-sha256" });
  peer = swan;
  await bringUp(scenario, swan);
  await renew(swan, 5, async () => {
    await swan.rekeyIke();
    // On its way from one ISAKMP SA to the next, the Child SA is in neither.
    const rekeys = async () => await swan.rekeyChild().then(() => true, isNowhere);
    await until("strongSwan rekeys its Child SA", rekeys);
  });
});

test("libreswan does the same when its lifetimes end", async () => {
  const libreswan = await startLibreswan(site.host, {
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
    // It cannot be told to rekey with IKEv1.
    more: ["pfs=no", "ikelifetime=40s", "salifetime=45s", "rekeymargin=15s", "rekeyfuzz=0%"],
  });
  peer = libreswan;
  expect(await libreswan.initiate()).toBe(true);
  await renew(libreswan, 35, async () => {});
});

/** Whether the Child SA was not found; anything else is a failure. */
function isNowhere(error: unknown): false {
  if (String(error).includes("no matching SAs")) return false;
  throw error;
}

/** Within so many seconds of pings it begins Phase 1 anew. */
async function renew(one: SitePeer, seconds: number, rekey: () => Promise<void>): Promise<void> {
  const former = await spiOf();
  const count = seconds * 20;
  const options = { count, intervalSeconds: 0.05, from: site.inner.v4 };
  const { concentrator } = scenario.laboratory;
  const before = { site: await xfrmDrops(site.host), ours: await xfrmDrops(concentrator) };
  const states = await watchStates(concentrator);
  const esp = await watchEsp(concentrator, "wan");
  const pings = ping(site.host, OFFICE.v4, options);
  await rekey();
  const { sent, received } = await pings;
  const told = async (cause: unknown) => {
    const drops = {
      before,
      early: came.early,
      site: await xfrmDrops(site.host),
      ours: await xfrmDrops(concentrator),
    };
    const logs = `${await one.log()}\nerouted:\n${await scenario.erouted.log()}`;
    throw new Error(`${JSON.stringify({ sent, received, drops })}\n${logs}`, { cause });
  };
  const came = whenTheyCame(await esp.stop(), await states.stop());
  await expectNoLoss(before, came, { sent, received }).catch(told);
  await until("the new one is in use", async () => (await spiOf()) !== former).catch(told);
  await until("one pair of states is left", async () => {
    return (await xfrmStates(concentrator)).length === 2;
  }).catch(told);
  await expectKernelAsStatusSays(scenario);
  await one.terminate();
  await until("nothing is left", async () => (await xfrmStates(concentrator)).length === 0);
}

/**
 * The site's own kernel drops what has found the former state when the site deletes that, or what
 * finds none while it replaces it: one packet at most, since it does so once. Libreswan sends with
 * new keys as soon as it has answered our rekey, before our state can exist.
 */
async function expectNoLoss(
  before: { readonly [End in "site" | "ours"]: Readonly<Record<string, number>> },
  { early, late }: ReturnType<typeof whenTheyCame>,
  { sent, received }: PingResult,
): Promise<void> {
  expect(late).toEqual([]);
  const { concentrator } = scenario.laboratory;
  const dropped = await dropsSince(concentrator, before.ours, ["XfrmInNoStates"]);
  expect(dropped).toBeLessThanOrEqual(early);
  const bySite = await dropsSince(site.host, before.site, SENDING);
  expect(bySite).toBeLessThanOrEqual(1);
  expect(received).toBe(sent - bySite - dropped);
  if (dropped > 0) console.log(`${dropped} of ${early} early packets found no state`);
}

async function spiOf(): Promise<unknown> {
  const [view] = await erouteViews(scenario);
  return view?.ike_sa?.spi_i;
}
