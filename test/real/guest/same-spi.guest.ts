/**
 * Sites that choose their ESP SPI badly: always the same one. A site that restarts is let in at
 * once; of two behind one NAT the second is asked to come again, and comes by itself.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { patient } from "../../patience.ts";
import { until } from "./hosts.ts";
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
import { xfrmStates } from "./xfrm-states.ts";

const SPI = 0xc0ffee01;
const ALWAYS_THE_SAME = { charon: `spi_min = ${SPI}\n  spi_max = ${SPI}` };

let scenario: Scenario;

beforeAll(async () => {
  scenario = await startScenario({ sites: [rowOf(1), rowOf(2), rowOf(3)] });
});

afterAll(async () => {
  await scenario?.erouted.stop();
});

test("a site that restarts without a word, with its old ESP SPI, is up again at once", async () => {
  const site = await scenario.laboratory.addSite(1);
  const first = await startSite(site, ALWAYS_THE_SAME);
  await bringUp(scenario, first);
  expect(await chosenBy(site.address.v4)).toEqual([SPI]);
  await first.kill();
  const second = await startSite(site, ALWAYS_THE_SAME);
  await bringUp(scenario, second);
  expect(await chosenBy(site.address.v4)).toEqual([SPI]);
  await pingBothWays(scenario, site);
  expect(await second.log()).not.toContain("NO_PROPOSAL_CHOSEN");
  await second.stop();
});

test(
  "a neighbour with that SPI behind the same NAT hears TEMPORARY_FAILURE",
  async () => {
    const sites: Site[] = [];
    for (const number of [2, 3])
      sites.push(await scenario.laboratory.addSite(number, "behind-nat"));
    const [near, far] = sites as [Site, Site];
    const first = await startSite(near, ALWAYS_THE_SAME);
    await bringUp(scenario, first);
    const second: StrongSwan = await startSite(far, ALWAYS_THE_SAME);
    expect(await second.initiate()).toBe(false);
    expect(await second.log()).toMatch(/received TEMPORARY_FAILURE notify/);
    const why = await scenario.erouted.command("why", "site-3");
    expect(why.out).toContain("its ESP SPI is taken at its address");
    expect(why.out).toContain("which site-2 has there already");
    await pingBothWays(scenario, near);
    // What would be another SPI for any other site: here its neighbour has to go.
    await first.terminate();
    const isUp = async () => (await second.childSas()) > 0;
    await until("it asks again by itself", isUp, 60_000).catch(async (error) => {
      throw new Error(`${await second.log()}\n${await scenario.erouted.log()}`, { cause: error });
    });
    await pingBothWays(scenario, far);
    for (const swan of [first, second]) await swan.stop();
  },
  patient(180_000),
);

/** SPIs of the states that send there. */
async function chosenBy(address: string): Promise<readonly number[]> {
  const states = await xfrmStates(scenario.laboratory.concentrator);
  return states.filter(({ dst }) => dst === address).map(({ spi }) => spi);
}
