/** Sites that vanish, and sites that are only quiet (RFC 7296 §2.4). */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { patient } from "../../patience.ts";
import { eventsOf } from "./events.ts";
import { until } from "./hosts.ts";
import type { Site } from "./laboratory.ts";
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
import { xfrmStates } from "./xfrm-states.ts";

/** Retransmissions go on for some 75 s before a site counts as gone. */
const GONE_MS_MAX = patient(110_000);

let scenario: Scenario;
let quiet: Site;
let vanishing: Site;
let quietSwan: StrongSwan;

beforeAll(async () => {
  scenario = await startScenario({ sites: [rowOf(1), rowOf(2)], eroute: 'dpd = "2s"' });
  quiet = await scenario.laboratory.addSite(1);
  vanishing = await scenario.laboratory.addSite(2);
  quietSwan = await startSite(quiet);
  await bringUp(scenario, quietSwan);
});

afterAll(async () => {
  await quietSwan.stop();
  expect(await scenario.erouted.stop()).toBe(0);
});

test(
  "R5: a site whose line is cut loses its SAs; one that is only quiet keeps them",
  async () => {
    const swan = await startSite(vanishing);
    await bringUp(scenario, swan);
    await pingBothWays(scenario, vanishing);
    await swan.kill();
    await until(
      "the site is gone",
      async () => (await dynamicPeerIds(scenario)).join() === "site-1",
      GONE_MS_MAX,
    );
    const reasons = (await eventsOf(scenario.erouted, "site-2")).map(({ reason }) => reason);
    expect(reasons).toContain("peer-silent");
    const states = await xfrmStates(scenario.laboratory.concentrator);
    expect(states.map(({ src, dst }) => [src, dst].includes("192.0.2.11"))).toEqual([true, true]);
    await pingBothWays(scenario, quiet);
  },
  GONE_MS_MAX + 30_000,
);
