/**
 * Sites with IKEv1 whose rows are in MariaDB: behind one NAT in either mode, and while the database
 * dies.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { patient } from "../../patience.ts";
import { until } from "./hosts.ts";
import { OFFICE, type Site } from "./laboratory.ts";
import { type GuestMariadb, startGuestMariadb } from "./mariadb.ts";
import { withNewKeys } from "./new-keys.ts";
import {
  bringUp,
  dynamicPeerIds,
  pingBothWays,
  rowOf,
  type Scenario,
  startScenario,
  startSite,
} from "./scenario.ts";
import type { StrongSwan, StrongSwanSettings } from "./strongswan.ts";
import { startPinging } from "./wire.ts";
import { xfrmStates } from "./xfrm-states.ts";

const MAIN = {
  version: 1,
  ike: "aes256-sha256-ecp256",
  esp: "aes256-sha256",
} as const satisfies Partial<StrongSwanSettings>;
const AGGRESSIVE = { ...MAIN, aggressive: true } as const;
const NAT = "192.0.2.9";

let mariadb: GuestMariadb;
let scenario: Scenario;
/** Site 1 is on the Internet, the others are behind one NAT. */
let sites: readonly [Site, Site, Site];

beforeAll(async () => {
  mariadb = await startGuestMariadb();
  scenario = await startScenario({
    database: mariadb,
    sites: [rowOf(1), rowOf(2), rowOf(3)],
    eroute: 'ike_version = "both"',
  });
  const { addSite } = scenario.laboratory;
  sites = [await addSite(1), await addSite(2, "behind-nat"), await addSite(3, "behind-nat")];
}, patient(120_000));

afterAll(async () => {
  expect(await scenario.erouted.stop()).toBe(0);
  await mariadb.stop();
});

test("Aggressive Mode: two sites behind one NAT are both reached, and rekey", async () => {
  const [, one, other] = sites;
  const calls = [
    { site: one, swan: await startSite(one, AGGRESSIVE) },
    { site: other, swan: await startSite(other, AGGRESSIVE) },
  ];
  const swans = calls.map(({ swan }) => swan);
  for (const swan of swans) await bringUp(scenario, swan);
  for (const site of [one, other]) await pingBothWays(scenario, site);
  const states = await xfrmStates(scenario.laboratory.concentrator);
  expect(states.map(({ encapsulated }) => encapsulated)).toEqual([true, true, true, true]);
  for (const { site, swan } of calls) {
    await withNewKeys(scenario, site, "child", swan.rekeyChild);
  }
  for (const site of [one, other]) await pingBothWays(scenario, site);
  await hangUp(...swans);
});

test("Main Mode behind a NAT: one site is found by the NAT's address, two are named", async () => {
  const [, one] = sites;
  await scenario.erouted.sql("update eroutes set peerip = ? where peerid = 'site-2'", NAT);
  const swan = await startSite(one, MAIN);
  await bringUp(scenario, swan);
  await pingBothWays(scenario, one);
  await hangUp(swan);
  await scenario.erouted.sql("update eroutes set peerip = ? where peerid = 'site-3'", NAT);
  const refused = await startSite(one, MAIN);
  expect(await refused.initiate(5)).toBe(false);
  const why = await scenario.erouted.command("why", NAT);
  expect(why.out).toContain("site-2 and site-3 both have the peerip");
  await refused.stop();
});

test(
  "the database dies while a site calls: the connected one stays, the other comes later",
  async () => {
    const [up, , caller] = sites;
    const swan = await startSite(up, AGGRESSIVE);
    await bringUp(scenario, swan);
    const pinging = await startPinging(up.host, OFFICE.v4, up.inner.v4);
    // It is asked, and never answers.
    process.kill(mariadb.pid, "SIGSTOP");
    const late = await startSite(caller, AGGRESSIVE);
    const called = late.initiate(4);
    await Bun.sleep(500);
    process.kill(mariadb.pid, "SIGKILL");
    expect(await called).toBe(false);
    const why = await scenario.erouted.command("why", "site-3");
    expect(why.out).toContain("database");
    await withNewKeys(scenario, up, "child", swan.rekeyChild);
    mariadb = await startGuestMariadb("restarted");
    await late.stop();
    const again = await startSite(caller, AGGRESSIVE);
    await bringUp(scenario, again);
    await pingBothWays(scenario, caller);
    expect((await pinging.stop()).lost).toEqual([]);
    await hangUp(swan, again);
  },
  patient(120_000),
);

async function hangUp(...swans: readonly StrongSwan[]): Promise<void> {
  for (const swan of swans) {
    await swan.terminate();
    await swan.stop();
  }
  await until("nothing is left", async () => {
    const states = await xfrmStates(scenario.laboratory.concentrator);
    return states.length === 0 && (await dynamicPeerIds(scenario)).length === 0;
  });
}
