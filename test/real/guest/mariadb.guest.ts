/** Sites in MariaDB: the row is read for each attempt, and its faults affect only its site. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { patient } from "../../patience.ts";
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

let mariadb: GuestMariadb;
let scenario: Scenario;
let site: Site;

beforeAll(async () => {
  mariadb = await startGuestMariadb();
  scenario = await startScenario({ database: mariadb, sites: [rowOf(1)] });
  site = await scenario.laboratory.addSite(1);
}, patient(120_000));

afterAll(async () => {
  await scenario?.erouted.stop();
  await mariadb?.stop();
});

test("R2: a site whose row is in MariaDB connects and carries pings", async () => {
  const swan = await startSite(site);
  await bringUp(scenario, swan);
  await pingBothWays(scenario, site);
  expect(await dynamicPeerIds(scenario)).toEqual(["site-1"]);
  await swan.terminate();
  await swan.stop();
});

test("R2: a changed key takes effect at the next attempt, without a reload", async () => {
  await scenario.erouted.sql("UPDATE eroutes SET password = ? WHERE peerid = ?", "new", "site-1");
  const old = await startSite(site);
  expect(await old.initiate(8)).toBe(false);
  await old.stop();
  const fresh = await startSite(site, { psk: "new" });
  await bringUp(scenario, fresh);
  await fresh.terminate();
  await fresh.stop();
});

test("R6: while the database is down a new site fails, and a connected one stays", async () => {
  const swan = await startSite(site, { psk: "new" });
  await bringUp(scenario, swan);
  await mariadb.stop();
  const second = await scenario.laboratory.addSite(2);
  const late = await startSite(second);
  expect(await late.initiate(12)).toBe(false);
  await late.stop();
  await pingBothWays(scenario, site);
  expect(await dynamicPeerIds(scenario)).toEqual(["site-1"]);
  await swan.stop();
});
