/** One site's row changes while another site's packets flow: the same for every database. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { patient } from "../../patience.ts";
import type { EroutedSettings } from "./erouted.ts";
import { eventsOf } from "./events.ts";
import { until } from "./hosts.ts";
import { OFFICE, type Site } from "./laboratory.ts";
import {
  bringUp,
  dynamicPeerIds,
  pingBothWays,
  pskOf,
  rowOf,
  type Scenario,
  startScenario,
  startSite,
} from "./scenario.ts";
import type { StrongSwan, StrongSwanSettings } from "./strongswan.ts";
import { ping } from "./wire.ts";
import { xfrmStates } from "./xfrm-states.ts";

/** The configured time; the rest allows for a slow guest. */
const POLL = "1s";
const SECONDS_MAX = 10;

/** Pings of the other site in the meantime: more than such a change takes. */
const PINGS = 60;
const PING_SECONDS = 0.1;

/** Registers the tests; `database` is called in the guest. */
export function rowChanges(database: () => Promise<EroutedSettings["database"]>): void {
  let scenario: Scenario;
  let first: Site;
  let second: Site;
  let firstSwan: StrongSwan;

  beforeAll(async () => {
    const given = await database();
    const where = given === undefined ? {} : { database: given };
    const egroup = `poll_interval = "${POLL}"`;
    scenario = await startScenario({ ...where, egroup, sites: [rowOf(1), rowOf(2)] });
    first = await scenario.laboratory.addSite(1);
    second = await scenario.laboratory.addSite(2);
    firstSwan = await startSite(first);
    await bringUp(scenario, firstSwan);
  }, patient(120_000));

  afterAll(async () => {
    await firstSwan?.stop();
    await scenario?.erouted.stop();
  });

  const secondUp = async (changes: Partial<StrongSwanSettings> = {}): Promise<StrongSwan> => {
    const swan = await startSite(second, changes);
    await bringUp(scenario, swan);
    await pingBothWays(scenario, second);
    expect(await dynamicPeerIds(scenario)).toEqual(["site-1", "site-2"]);
    return swan;
  };

  /**
   * Changes the row, and waits until that site is closed; the other site's pings all get through.
   */
  const closes = async (reason: string, statement: string, ...values: string[]): Promise<void> => {
    const before = (await spisOf(scenario, first)).join();
    const pinging = ping(first.host, OFFICE.v4, {
      ...{ from: first.inner.v4, count: PINGS, intervalSeconds: PING_SECONDS },
    });
    const startedAt = performance.now();
    await scenario.erouted.sql(statement, ...values);
    const isGone = async () => (await dynamicPeerIds(scenario)).join() === "site-1";
    await until(`site-2 is closed: ${reason}`, isGone, SECONDS_MAX * 1_000);
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
    console.info(`${reason}: closed ${seconds} s after the change, polled every ${POLL}`);
    expect(await pinging).toEqual({ sent: PINGS, received: PINGS });
    expect((await spisOf(scenario, first)).join()).toBe(before);
    expect((await spisOf(scenario, second)).length).toBe(0);
    const events = await eventsOf(scenario.erouted, "site-2");
    expect(events.map((event) => event.reason)).toContain(reason);
    const ofFirst = await eventsOf(scenario.erouted, "site-1");
    expect(ofFirst.filter((event) => event.step === "row")).toEqual([]);
  };

  test("a changed key closes only its own site, which connects with the new one", async () => {
    const swan = await secondUp();
    const update = "UPDATE eroutes SET password = ? WHERE peerid = ?";
    await closes("row-changed", update, "new", "site-2");
    await until("the site has been notified", async () => (await swan.ikeSpis()).length === 0);
    await swan.stop();
    const fresh = await secondUp({ psk: "new" });
    await closes("row-changed", update, pskOf(2), "site-2");
    await fresh.stop();
  });

  test("a changed subnet closes only its own site", async () => {
    const swan = await secondUp();
    const update = "UPDATE eroutes SET remip = ? WHERE peerid = ?";
    await closes("row-changed", update, "192.168.77.0", "site-2");
    await scenario.erouted.sql(update, "192.168.2.0", "site-2");
    await swan.stop();
  });

  test("a disabled row closes only its own site; enabled again, it connects", async () => {
    const swan = await secondUp();
    const update = "UPDATE eroutes SET disabled = ? WHERE peerid = ?";
    await closes("row-disabled", update, "1", "site-2");
    expect(await swan.initiate(8)).toBe(false);
    await scenario.erouted.sql(update, "0", "site-2");
    await swan.stop();
    await (await secondUp()).stop();
    await until("site-2 has left", async () => (await dynamicPeerIds(scenario)).length === 1);
  });

  test("a removed row closes only its own site, which is refused from then on", async () => {
    const swan = await secondUp();
    await closes("row-removed", "DELETE FROM eroutes WHERE peerid = ?", "site-2");
    expect(await swan.initiate(8)).toBe(false);
    await pingBothWays(scenario, first);
    await swan.stop();
  });
}

/** The SPIs of a site's ESP states in the concentrator's kernel. */
async function spisOf(scenario: Scenario, site: Site): Promise<readonly string[]> {
  const states = await xfrmStates(scenario.laboratory.concentrator);
  return states
    .filter((state) => state.src === site.address.v4 || state.dst === site.address.v4)
    .map((state) => String(state.spi))
    .sort();
}
