/**
 * Addresses that change while the tunnel is up: the site's own (MOBIKE, RFC 4555), and those of the
 * concentrator, which appear and disappear while it runs.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { configure, must, until } from "./hosts.ts";
import { CONCENTRATOR, OFFICE } from "./laboratory.ts";
import { withNewKeys } from "./new-keys.ts";
import {
  bringUp,
  pingBothWays,
  rowOf,
  type Scenario,
  startScenario,
  startSite,
} from "./scenario.ts";
import { ping } from "./wire.ts";
import { xfrmStates } from "./xfrm-states.ts";

const SECOND = "192.0.2.2";

let scenario: Scenario;

beforeAll(async () => {
  scenario = await startScenario({ sites: [rowOf(1), rowOf(2)] });
});

afterAll(async () => {
  await scenario?.erouted.stop();
});

test("a site that moves to another address keeps its tunnel, keys and counters", async () => {
  const site = await scenario.laboratory.addSite(1);
  const swan = await startSite(site, { mobike: true });
  await bringUp(scenario, swan);
  await pingBothWays(scenario, site);
  const before = await states();
  const pinging = ping(site.host, OFFICE.v4, {
    ...{ from: site.inner.v4, count: 80, intervalSeconds: 0.1 },
  });
  await Bun.sleep(1_000);
  // Otherwise the second address would be removed with the first.
  await must(site.host, ["sysctl", "-q", "-w", "net.ipv4.conf.wan.promote_secondaries=1"]);
  await configure(site.host, ["addr add 192.0.2.111/24 dev wan"]);
  await configure(site.host, [
    `addr del ${site.address.v4}/24 dev wan`,
    "route replace default via 192.0.2.1",
  ]);
  await until("the states follow", async () => {
    const { places } = await states();
    return places.every((place) => place === "192.0.2.111");
  });
  const { received } = await pinging;
  expect(received).toBeGreaterThan(40);
  const after = await states();
  expect(after.spis).toEqual(before.spis);
  expect(after.packets).toBeGreaterThanOrEqual(before.packets + 2 * received);
  await pingBothWays(scenario, site);
  await withNewKeys(scenario, site, "child", swan.rekeyChild);
  await pingBothWays(scenario, site);
  await swan.terminate();
  await swan.stop();
});

test("an address that the concentrator gets while it runs is usable at once", async () => {
  await configure(scenario.laboratory.concentrator, [`addr add ${SECOND}/24 dev wan`]);
  await logSays(`${SECOND} is listened on now: IKE on its ports 500 and 4500`);
  const listening = JSON.stringify(await scenario.erouted.json("/api/v1/status"));
  expect(listening).toContain(`${SECOND}:4500`);
  const site = await scenario.laboratory.addSite(2);
  const swan = await startSite(site, { remoteAddress: SECOND, mobike: false });
  await bringUp(scenario, swan);
  await pingBothWays(scenario, site);
  expect(await placesWith(SECOND)).toEqual(["192.0.2.12 > 192.0.2.2", "192.0.2.2 > 192.0.2.12"]);

  await configure(scenario.laboratory.concentrator, [`addr del ${SECOND}/24 dev wan`]);
  await logSays(`${SECOND} is gone: no IKE on it until it comes back`);
  // What used it can reach nothing any more.
  await until("its states are gone", async () => (await placesWith(SECOND)).length === 0);
  const policies = await must(scenario.laboratory.concentrator, ["ip", "xfrm", "policy"]);
  expect(policies).not.toContain("192.168.2.0");
  await swan.kill();
});

test("all the same, a site that calls the first address connects", async () => {
  const site = { ...(await scenario.laboratory.addSite(3)), number: 2 };
  const swan = await startSite(site, {
    remoteAddress: CONCENTRATOR.v4,
    localSubnet: "192.168.2.0/24",
  });
  await bringUp(scenario, swan);
  expect((await placesWith(site.address.v4)).length).toBe(2);
  await swan.terminate();
  await swan.stop();
});

async function logSays(text: string): Promise<void> {
  await until(text, async () => (await scenario.erouted.log()).includes(text));
}

/** The paths of the states that have this address at one end. */
async function placesWith(address: string): Promise<string[]> {
  const all = await xfrmStates(scenario.laboratory.concentrator);
  const found = all.filter(({ src, dst }) => src === address || dst === address);
  return found.map(({ src, dst }) => `${src} > ${dst}`).sort();
}

async function states() {
  const all = await xfrmStates(scenario.laboratory.concentrator);
  return {
    spis: all.map(({ spi }) => spi).sort((a, b) => a - b),
    places: all.map(({ src, dst }) => (src === CONCENTRATOR.v4 ? dst : src)),
    packets: all.reduce((sum, { packets }) => sum + packets, 0),
  };
}
