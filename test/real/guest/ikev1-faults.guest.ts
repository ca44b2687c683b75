/** Sites with IKEv1 whose rows are in MariaDB: erouted is killed and goes on, and a line is cut. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { patient } from "../../patience.ts";
import { erouteViews } from "./agreement.ts";
import { type EroutedSettings, startErouted } from "./erouted.ts";
import { eventsOf } from "./events.ts";
import { addFilter, removeFilters } from "./filters.ts";
import { until } from "./hosts.ts";
import { OFFICE, type Site } from "./laboratory.ts";
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
import type { StrongSwan, StrongSwanSettings } from "./strongswan.ts";
import { startPinging } from "./wire.ts";
import { xfrmStates } from "./xfrm-states.ts";

const AGGRESSIVE = {
  ...{ version: 1, aggressive: true },
  ...{ ike: "aes256-sha256-ecp256", esp: "aes256-sha256" },
} as const satisfies Partial<StrongSwanSettings>;
/** Short, so that a dead site is noticed in seconds. */
const HASTE = `[ike]\nretransmit_first = "500ms"\nretransmit_tries = 4`;
/** From the first question that is not answered, by HASTE. */
const GONE_MS_MAX = patient(40_000);

let mariadb: GuestMariadb;
let scenario: Scenario;
let settings: EroutedSettings;
/** Site 1 is on the Internet, site 2 is behind a NAT. */
let sites: readonly [Site, Site];

beforeAll(async () => {
  mariadb = await startGuestMariadb();
  settings = {
    ...{ database: mariadb, sites: [rowOf(1), rowOf(2)], keeps: true, more: HASTE },
    status: 'operate_token_file = "/run/erouted/operate.token"',
    files: { "operate.token": "an-operators-token" },
    eroute: 'ike_version = "both"\ndpd = "5s"',
  };
  scenario = await startScenario(settings);
  const { addSite } = scenario.laboratory;
  sites = [await addSite(1), await addSite(2, "behind-nat")];
}, patient(120_000));

afterAll(async () => {
  expect(await scenario.erouted.stop()).toBe(0);
  await mariadb.stop();
});

test(
  "erouted is killed and goes on: no ping is lost, and both ends rekey afterwards",
  async () => {
    const [one, other] = sites;
    const swans = [await startSite(one, AGGRESSIVE), await startSite(other, AGGRESSIVE)];
    for (const swan of swans) await bringUp(scenario, swan);
    const pinging = [
      await startPinging(one.host, OFFICE.v4, one.inner.v4),
      await startPinging(scenario.laboratory.office, other.inner.v4),
    ];
    const before = await cookies();
    await scenario.erouted.kill();
    const { laboratory } = scenario;
    const erouted = await startErouted(laboratory.concentrator, { ...settings, sites: [] });
    scenario = { laboratory, erouted };
    expect(await cookies()).toEqual(before);
    for (const swan of swans) await swan.rekeyChild();
    for (const id of ["site-1", "site-2"]) {
      const { status, out, err } = await erouted.command("rekey", id);
      expect({ status, said: status === 0 ? "" : `${out}${err}` }).toEqual({ status: 0, said: "" });
    }
    await until("our rekeys are done", async () => {
      const metrics = await erouted.get("/metrics");
      return Number(/^erouted_child_sas_rekeyed_total (\d+)$/m.exec(metrics)?.[1]) >= 4;
    });
    for (const swan of swans) await swan.rekeyIke();
    await Bun.sleep(2_000);
    for (const one of pinging) expect((await one.stop()).lost).toEqual([]);
    for (const site of [one, other]) await pingBothWays(scenario, site);
    await hangUp(...swans);
  },
  patient(120_000),
);

test(
  "R5: a site whose line is cut is noticed by DPD; it comes back by itself",
  async () => {
    const [site] = sites;
    const connection = "keyingtries = 0";
    const child = "dpd_action = restart\nclose_action = start";
    const swan = await startSite(site, { ...AGGRESSIVE, dpdSeconds: 2, connection, child });
    await bringUp(scenario, swan);
    await pingBothWays(scenario, site);
    for (const way of ["ingress", "egress"]) {
      await addFilter(site.host, "wan", [way, "flower", "action", "drop"]);
    }
    await until(
      "the site is gone",
      async () => !(await dynamicPeerIds(scenario)).includes("site-1"),
      GONE_MS_MAX,
    );
    const reasons = (await eventsOf(scenario.erouted, "site-1")).map(({ reason }) => reason);
    expect(reasons).toContain("peer-silent");
    for (const way of ["ingress", "egress"] as const) await removeFilters(site.host, "wan", way);
    await swan.stop();
    const again = await startSite(site, AGGRESSIVE);
    await bringUp(scenario, again);
    await pingBothWays(scenario, site);
    await hangUp(again);
  },
  patient(120_000),
);

async function cookies(): Promise<readonly (string | undefined)[]> {
  return (await erouteViews(scenario)).map(({ ike_sa }) => ike_sa?.spi_r).sort();
}

async function hangUp(...swans: readonly StrongSwan[]): Promise<void> {
  for (const swan of swans) {
    await swan.terminate();
    await swan.stop();
  }
  await until("nothing is left", async () => {
    const states = await xfrmStates(scenario.laboratory.concentrator);
    return states.length === 0 && (await dynamicPeerIds(scenario)).length === 0;
  });
}
