/** The database stops, hangs, loses a column, comes back: only new negotiations notice (R6). */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { failuresOf, untilFailure } from "./events.ts";
import { until } from "./hosts.ts";
import type { Site } from "./laboratory.ts";
import { type GuestMariadb, startGuestMariadb } from "./mariadb.ts";
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

/**
 * Long enough for a look-up's deadline; a site that gets no answer would keep trying for longer.
 */
const UNANSWERED_SECONDS = 15;

let database: GuestMariadb;
let scenario: Scenario;
let first: Site;
let second: Site;
let firstSwan: StrongSwan;

beforeAll(async () => {
  database = await startGuestMariadb();
  scenario = await startScenario({ database, sites: [rowOf(1), rowOf(2)] });
  first = await scenario.laboratory.addSite(1);
  second = await scenario.laboratory.addSite(2);
  firstSwan = await startSite(first);
  await bringUp(scenario, firstSwan);
});

afterAll(async () => {
  await firstSwan.stop();
  expect(await scenario.erouted.stop()).toBe(0);
  await database.stop();
});

test("a site connects with its row from MariaDB and pings both ways", async () => {
  await pingBothWays(scenario, first);
});

test("R6: a database that hangs ends the negotiation when the look-up is due", async () => {
  process.kill(database.pid, "SIGSTOP");
  await refused("database-timeout");
  process.kill(database.pid, "SIGCONT");
  await getsIn();
});

test("R6: a table that has lost a column; the reason names it", async () => {
  await scenario.erouted.sql("ALTER TABLE eroutes CHANGE remip removed VARCHAR(64)");
  await refused("database-no-column");
  await scenario.erouted.sql("ALTER TABLE eroutes CHANGE removed remip VARCHAR(64)");
  await getsIn();
});

test("R6: a database killed during a look-up; a connected site stays connected", async () => {
  process.kill(database.pid, "SIGSTOP");
  const swan = await startSite(second);
  const before = (await failuresOf(scenario.erouted, "site-2")).length;
  const calling = swan.initiate(UNANSWERED_SECONDS);
  await until("its row is being looked up", async () => (await lookupsWaiting()) === 1);
  process.kill(database.pid, "SIGKILL");
  expect(await calling).toBe(false);
  await swan.stop();
  // The last look-up ends with the broken connection, not at its deadline, as those before may.
  const reasons = (await failuresOf(scenario.erouted, "site-2")).slice(before);
  expect(reasons.pop()).toBe("database-unreachable");
  expect(reasons.filter((reason) => reason !== "database-timeout")).toEqual([]);
  await refused("database-unreachable");
  // A stranger names the ID of the connected site while its key cannot be looked up.
  const imposter = await startSite(second, { localId: "site-1", psk: "guess" });
  expect(await imposter.initiate(UNANSWERED_SECONDS)).toBe(false);
  await imposter.stop();
  await pingBothWays(scenario, first);
  expect(await dynamicPeerIds(scenario)).toEqual(["site-1"]);
});

test("after the database is back, the next attempt succeeds", async () => {
  database = await startGuestMariadb("restarted");
  await getsIn();
});

/** IKE SAs that are waiting for a row. */
async function lookupsWaiting(): Promise<number> {
  const status = (await scenario.erouted.json("/api/v1/status")) as {
    gauges: { lookups_waiting: number };
  };
  return status.gauges.lookups_waiting;
}

async function refused(reason: string): Promise<void> {
  const swan = await startSite(second);
  expect(await swan.initiate(UNANSWERED_SECONDS)).toBe(false);
  await swan.stop();
  await untilFailure(scenario.erouted, "site-2", reason);
  await pingBothWays(scenario, first);
  expect(await dynamicPeerIds(scenario)).toEqual(["site-1"]);
}

async function getsIn(): Promise<void> {
  const swan = await startSite(second);
  await bringUp(scenario, swan);
  await pingBothWays(scenario, second);
  await swan.terminate();
  await swan.stop();
}
