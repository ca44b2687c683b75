/** How the daemon ends, and what it finds when it starts again. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { patient } from "../../patience.ts";
import { type Erouted, startErouted } from "./erouted.ts";
import { must, until } from "./hosts.ts";
import type { Site } from "./laboratory.ts";
import {
  bringUp,
  pingBothWays,
  rowOf,
  type Scenario,
  startScenario,
  startSite,
} from "./scenario.ts";
import type { StrongSwan } from "./strongswan.ts";
import { hashLengths, xfrmPolicies, xfrmStanding, xfrmStates } from "./xfrm-states.ts";

/** State and policy of another program, set up by hand. */
const FOREIGN_STATE =
  "xfrm state add src 192.0.2.1 dst 192.0.2.99 proto esp spi 0x77 reqid 7 mode tunnel " +
  "aead rfc4106(gcm(aes)) 0x0102030405060708090a0b0c0d0e0f1011121314 128";
const FOREIGN_POLICY =
  "xfrm policy add src 10.9.0.0/24 dst 10.8.0.0/24 dir out " +
  "tmpl src 192.0.2.1 dst 192.0.2.99 proto esp reqid 7 mode tunnel";

const settings = { sites: [rowOf(1)] };

let scenario: Scenario;
let site: Site;
let swan: StrongSwan;

beforeAll(async () => {
  scenario = await startScenario(settings);
  site = await scenario.laboratory.addSite(1);
  swan = await startSite(site);
  await ip(FOREIGN_STATE);
  await ip(FOREIGN_POLICY);
});

afterAll(async () => await swan.stop());

test("policies of sites are found by hash, as configured", async () => {
  expect(await hashLengths(scenario.laboratory.concentrator)).toEqual([
    "local 0 remote 24",
    "local 0 remote 64",
  ]);
});

test("SIGTERM: the site is notified, states and policies are gone within 5 s, exit 0", async () => {
  await bringUp(scenario, swan);
  await pingBothWays(scenario, site);
  const started = performance.now();
  expect(await scenario.erouted.stop()).toBe(0);
  expect(performance.now() - started).toBeLessThan(patient(5_000));
  // The policy that keeps packets from leaving in clear stays: the trap of the base eroute, now
  // without effect.
  expect(await left()).toEqual({ states: ["192.0.2.99"], policies: 1, standing: 1 });
  expect(await scenario.erouted.log()).toContain("so that nothing leaves in clear");
  expect(await hashLengths(scenario.laboratory.concentrator)).toEqual([
    "local 32 remote 32",
    "local 128 remote 128",
  ]);
  await until("the site has no Child SA", async () => (await swan.childSas()) === 0);
});

test("after kill -9 a new start removes our leftovers, and nothing of other programs", async () => {
  const killed = await restart();
  await bringUp(scenario, swan);
  await pingBothWays(scenario, site);
  await killed.kill();
  const leftovers = await left();
  expect(leftovers.states.length).toBe(3);
  expect([leftovers.policies, leftovers.standing]).toEqual([4, 1]);
  await restart();
  expect(await left()).toEqual({ states: ["192.0.2.99"], policies: 1, standing: 1 });
  expect(await scenario.erouted.log()).toContain("removed 2 states and 3 policies");
});

test("a site that was up before the crash comes back by calling again", async () => {
  await swan.stop();
  swan = await startSite(site);
  await bringUp(scenario, swan);
  await pingBothWays(scenario, site);
});

test("a second erouted on the same addresses refuses to start, and touches nothing", async () => {
  const second = await scenario.erouted.command("run");
  expect(second.status).toBe(1);
  expect(second.out + second.err).toMatch(/in use|EADDRINUSE/);
  await pingBothWays(scenario, site);
  expect(await scenario.erouted.stop()).toBe(0);
  // Set before the crash, taken back at this orderly end.
  expect(await hashLengths(scenario.laboratory.concentrator)).toEqual([
    "local 32 remote 32",
    "local 128 remote 128",
  ]);
});

test("lengths for the hash that another program has set stay, and the log says so", async () => {
  await ip("xfrm policy set hthresh4 16 28");
  await restart();
  expect(await hashLengths(scenario.laboratory.concentrator)).toEqual([
    "local 16 remote 28",
    "local 0 remote 64",
  ]);
  const log = await scenario.erouted.log();
  expect(log).toContain("another program has set local /16, remote /28");
  expect(await scenario.erouted.stop()).toBe(0);
  expect(await hashLengths(scenario.laboratory.concentrator)).toEqual([
    "local 16 remote 28",
    "local 128 remote 128",
  ]);
});

async function restart(): Promise<Erouted> {
  const erouted = await startErouted(scenario.laboratory.concentrator, { ...settings, sites: [] });
  scenario = { laboratory: scenario.laboratory, erouted };
  return erouted;
}

type Left = {
  readonly states: string[];
  readonly policies: number;
  readonly standing: number;
};

/** The destinations of all states, and how many policies there are. */
async function left(): Promise<Left> {
  const { concentrator } = scenario.laboratory;
  const states = (await xfrmStates(concentrator)).map((state) => state.dst);
  const standing = await xfrmStanding(concentrator);
  const policies = (await xfrmPolicies(concentrator)).length;
  return { states: states.sort(), policies, standing: standing.length };
}

async function ip(command: string): Promise<void> {
  await must(scenario.laboratory.concentrator, ["ip", ...command.split(" ")]);
}
