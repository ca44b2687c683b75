/**
 * The router of a site gets another address from its carrier and loses its mappings: what the site
 * sends suddenly comes from elsewhere. IKE and ESP continue with the same keys.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { hideBehind } from "./filters.ts";
import { configure, type Host, until } from "./hosts.ts";
import { OFFICE, type Site } from "./laboratory.ts";
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
import type { StrongSwan } from "./strongswan.ts";
import { ping } from "./wire.ts";
import { xfrmStates } from "./xfrm-states.ts";

const NAT: Host = { name: "nat" };
const ADDRESSES = ["192.0.2.9", "192.0.2.8", "192.0.2.7"] as const;

let scenario: Scenario;
let site: Site;
let swan: StrongSwan;

beforeAll(async () => {
  scenario = await startScenario({ sites: [rowOf(1)] });
  site = await scenario.laboratory.addSite(1, "behind-nat");
  swan = await startSite(site);
  await bringUp(scenario, swan);
});

afterAll(async () => {
  await swan?.stop();
  await scenario?.erouted.stop();
});

test("a NAT that rebinds costs some packets, not the tunnel: SPIs stay", async () => {
  await pingBothWays(scenario, site);
  const before = await states();
  expect(before.places).toEqual([ADDRESSES[0], ADDRESSES[0]]);
  let received = 0;
  for (const [from, to] of [ADDRESSES.slice(0, 2), ADDRESSES.slice(1)]) {
    await rebind(from ?? "", to ?? "");
    const answered = async () => {
      const pings = await ping(site.host, OFFICE.v4, {
        from: site.inner.v4,
        count: 5,
        waitSeconds: 1,
      });
      received += pings.received;
      return pings.received === pings.sent;
    };
    await until("pings are answered in the new place", answered);
  }
  const after = await states();
  expect(after.places).toEqual([ADDRESSES[2], ADDRESSES[2]]);
  expect(after.spis).toEqual(before.spis);
  expect(after.packets).toBeGreaterThanOrEqual(before.packets + 2 * received);
  await pingBothWays(scenario, site);
});

test("IKE continues from there as well: rekeys from either end", async () => {
  const before = await states();
  await swan.rekeyChild();
  await until("both states are new ones", async () => {
    const now = await states();
    return now.spis.length === 2 && !now.spis.some((spi) => before.spis.includes(spi));
  });
  await withNewKeys(scenario, site, "ike", swan.rekeyIke);
  await pingBothWays(scenario, site);
  expect(await dynamicPeerIds(scenario)).toEqual(["site-1"]);
  await swan.terminate();
  await until("nothing is left", async () => (await states()).spis.length === 0);
});

/** The router loses its address, and with it all mappings, and gets another one. */
async function rebind(from: string, to: string): Promise<void> {
  await configure(NAT, [`addr del ${from}/24 dev wan`, `addr add ${to}/24 dev wan`]);
  await hideBehind(NAT, "wan", to);
}

async function states() {
  const all = await xfrmStates(scenario.laboratory.concentrator);
  return {
    spis: all.map(({ spi }) => spi).sort((a, b) => a - b),
    places: all.map(({ src, dst }) => (src.endsWith(".1") ? dst : src)),
    packets: all.reduce((sum, { packets }) => sum + packets, 0),
  };
}
