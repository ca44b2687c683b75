/** An operator has sites called: `erouted connect`, with strongSwan as the responder. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { patient } from "../../patience.ts";
import { until } from "./hosts.ts";
import type { Site } from "./laboratory.ts";
import {
  dynamicPeerIds,
  pingBothWays,
  pskOf,
  rowOf,
  type Scenario,
  startScenario,
  startSite,
} from "./scenario.ts";
import type { StrongSwan } from "./strongswan.ts";

let scenario: Scenario;
let site: Site;
let swan: StrongSwan;

const SET_PEERIP = "UPDATE eroutes SET peerip = ? WHERE peerid = ?";
const SET_PASSWORD = "UPDATE eroutes SET password = ? WHERE peerid = ?";

beforeAll(async () => {
  scenario = await startScenario({
    sites: [rowOf(1)],
    status: 'operate_token_file = "/run/erouted/operate.token"',
    files: { "operate.token": "an-operators-token" },
  });
  site = await scenario.laboratory.addSite(1);
  swan = await startSite(site);
});

afterAll(async () => {
  await swan?.stop();
  expect(await scenario.erouted.stop()).toBe(0);
});

test("a site whose row has no peerip cannot be called, and connect says so", async () => {
  const done = await scenario.erouted.command("connect", "site-1", "--wait");
  expect(done.status).toBe(1);
  expect(done.err).toContain("no-peer-address");
});

test("R12: connect --wait ends when the site that was called is up and carries pings", async () => {
  await scenario.erouted.sql(SET_PEERIP, site.address.v4, "site-1");
  const done = await scenario.erouted.command("connect", "site-1", "--wait");
  if (done.status !== 0) throw new Error(`${done.err}\n${await scenario.erouted.log()}`);
  expect(done.out).toBe("site-1 is connected\n");
  await pingBothWays(scenario, site);
  const again = await scenario.erouted.command("connect", "site-1");
  expect([again.status, again.out]).toEqual([0, "site-1 is connected already\n"]);
});

test("disconnected by hand, the site is gone at both ends; connect brings it back", async () => {
  expect((await scenario.erouted.command("disconnect", "site-1")).status).toBe(0);
  await until("the site has been notified", async () => (await swan.ikeSpis()).length === 0);
  expect(await dynamicPeerIds(scenario)).toEqual([]);
  expect((await scenario.erouted.command("connect", "site-1", "--wait")).status).toBe(0);
  await pingBothWays(scenario, site);
  expect((await scenario.erouted.command("disconnect", "site-1")).status).toBe(0);
});

test("a wrong key: connect --wait says what the site has answered", async () => {
  await scenario.erouted.sql(SET_PASSWORD, "wrong", "site-1");
  const done = await scenario.erouted.command("connect", "site-1", "--wait", "20");
  expect(done.status).toBe(1);
  expect(done.err).toContain("authentication");
  await scenario.erouted.sql(SET_PASSWORD, pskOf(1), "site-1");
});

test("peerip does not answer: connect --wait ends in time, and says so", async () => {
  await scenario.erouted.sql(SET_PEERIP, "192.0.2.77", "site-1");
  const startedAt = performance.now();
  const done = await scenario.erouted.command("connect", "site-1", "--wait", "3");
  expect(done.status).toBe(1);
  expect(done.err).toContain("site-1 is not connected after 3 s");
  expect(performance.now() - startedAt).toBeLessThan(patient(20_000));
  const given = await scenario.erouted.command("disconnect", "site-1");
  expect([given.status, given.out]).toEqual([0, "the call to site-1 is cancelled\n"]);
  expect((await scenario.erouted.command("disconnect", "site-1")).status).toBe(1);
});
