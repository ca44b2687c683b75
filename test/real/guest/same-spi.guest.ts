/**
 * Sites that choose their ESP SPI badly: always the same one. A site that restarts connects at
 * once; of two behind one NAT, the second is not told that its algorithms are wrong.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { patient } from "../../patience.ts";
import { until } from "./hosts.ts";
import {
  bringUp,
  pingBothWays,
  rowOf,
  type Scenario,
  startScenario,
  startSite,
} from "./scenario.ts";
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

test("a site that restarts without notice, with its old ESP SPI, is up again at once", async () => {
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
  "a neighbour behind the same NAT with that SPI is not told that its algorithms are wrong",
  async () => {
    const { laboratory, erouted } = scenario;
    const near = await laboratory.addSite(2, "behind-nat");
    const far = await laboratory.addSite(3, "behind-nat");
    const first = await startSite(near, ALWAYS_THE_SAME);
    await bringUp(scenario, first);
    const second = await startSite(far, ALWAYS_THE_SAME);
    expect(await second.initiate()).toBe(false);
    expect(await second.log()).toMatch(/IKE_AUTH response 1 .*N\(NO_ADD_SAS\)/);
    expect(await second.log()).not.toContain("N(NO_PROP)");
    const isLogged = async () => (await erouted.log()).includes("which site-2 has there already");
    await until("the log says whose it is", isLogged);
    await pingBothWays(scenario, near);
    for (const swan of [first, second]) await swan.stop();
  },
  patient(180_000),
);

/** SPIs of the states that send to that address. */
async function chosenBy(address: string): Promise<readonly number[]> {
  const states = await xfrmStates(scenario.laboratory.concentrator);
  return states.filter(({ dst }) => dst === address).map(({ spi }) => spi);
}
