/**
 * IKEv1 under a steady ping while both ends rekey, and with volume lifetimes as small as those of
 * old routers. `IKEV1_SECONDS=300` makes it last longer.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { patient } from "../../patience.ts";
import { expectKernelAsStatusSays } from "./agreement.ts";
import { until } from "./hosts.ts";
import { OFFICE, type Site } from "./laboratory.ts";
import { dropsSince, SENDING } from "./losses.ts";
import { type GuestMariadb, startGuestMariadb } from "./mariadb.ts";
import { bringUp, rowOf, type Scenario, startScenario, startSite } from "./scenario.ts";
import type { StrongSwanSettings } from "./strongswan.ts";
import { ping, startPinging } from "./wire.ts";
import { xfrmDrops, xfrmStates } from "./xfrm-states.ts";

const AGGRESSIVE = {
  version: 1,
  aggressive: true,
  ...{ ike: "aes256-sha256-ecp256", esp: "aes256-sha256-ecp256" },
} as const satisfies Partial<StrongSwanSettings>;
/** Each of the two tests lasts about half of it. */
const SECONDS = Number(process.env.IKEV1_SECONDS || 50);
/** Between one rekey and the next. */
const PAUSE_MS = 1_500;
/**
 * swanctl rekeys all ISAKMP SAs of a connection, also one that has been replaced: it has to be gone
 * by then, or there are twice as many each time.
 */
const PHASE_1_PAUSE_MS = 45_000;
/** With a ping of this size each 20 ms, some two seconds go by from one rekey to the next. */
const VOLUME = { octets: 100_000, pingOctets: 1_000, pingSeconds: 0.02 };
const RUN_SECONDS = 5;

const RIGHT = { status: 0, said: "" };

let mariadb: GuestMariadb;
let scenario: Scenario;
let site: Site;

beforeAll(async () => {
  mariadb = await startGuestMariadb();
  const eroute = 'ike_version = "v1"';
  scenario = await startScenario({
    ...{ database: mariadb, sites: [rowOf(1)], eroute },
    status: 'operate_token_file = "/run/erouted/operate.token"',
    files: { "operate.token": "an-operators-token" },
  });
  site = await scenario.laboratory.addSite(1);
}, patient(120_000));

afterAll(async () => {
  expect(await scenario.erouted.stop()).toBe(0);
  await mariadb.stop();
});

test(
  "both phases are rekeyed, Phase 2 by both ends, with PFS: no ping is lost either way",
  async () => {
    const swan = await startSite(site, AGGRESSIVE);
    await bringUp(scenario, swan);
    const pinging = [
      await startPinging(site.host, OFFICE.v4, site.inner.v4),
      await startPinging(scenario.laboratory.office, site.inner.v4),
    ];
    const endMs = Date.now() + (SECONDS / 2) * 1_000;
    const done = { bySite: 0, byUs: 0, phase1: 0 };
    let phase1At = -PHASE_1_PAUSE_MS;
    for (let round = 0; Date.now() < endMs; round++) {
      if (round % 3 === 1) {
        const { status, out, err } = await scenario.erouted.command("rekey", "site-1");
        expect({ status, said: status === 0 ? "" : `${out}${err}` }).toEqual(RIGHT);
        done.byUs++;
      } else if (round % 3 === 2 && performance.now() - phase1At > PHASE_1_PAUSE_MS) {
        phase1At = performance.now();
        await swan.rekeyIke();
        done.phase1++;
      } else {
        await swan.rekeyChild();
        done.bySite++;
      }
      await Bun.sleep(PAUSE_MS);
    }
    const ended = await Promise.all(pinging.map((one) => one.stop()));
    console.log(`rekeys: ${JSON.stringify(done)}, pings: ${ended.map(({ sent }) => sent)}`);
    const lost = { toOffice: ended[0]?.lost, toSite: ended[1]?.lost };
    const drops = {
      byUs: await xfrmDrops(scenario.laboratory.concentrator),
      bySite: await xfrmDrops(site.host),
    };
    // Whose kernel has dropped what is missing.
    if (ended.some((one) => one.lost.length > 0)) console.log(JSON.stringify({ lost, drops }));
    expect(lost).toEqual({ toOffice: [], toSite: [] });
    expect(await counted("child_sas_rekeyed_total")).toBeGreaterThanOrEqual(
      done.bySite + done.byUs,
    );
    expect(await counted("ikev1_sas_established_total")).toBeGreaterThan(done.phase1);
    expect(await dropped()).toBe(0);
    await expectKernelAsStatusSays(scenario);
    await swan.terminate();
    await swan.stop();
    await nothingLeft();
  },
  patient(SECONDS * 1_000 + 60_000),
);

test(
  "volume lifetimes under steady traffic: no packet is lost, and no SA is left over",
  async () => {
    const { octets, pingOctets, pingSeconds } = VOLUME;
    const child = [`rekey_bytes = ${octets}`, `life_bytes = ${5 * octets}`, "rand_bytes = 0"].join(
      "\n",
    );
    const swan = await startSite(site, { ...AGGRESSIVE, esp: "aes256-sha256", child });
    const before = await counted("child_sas_rekeyed_total");
    await bringUp(scenario, swan);
    const theirs = await xfrmDrops(site.host);
    const pings = { sent: 0, received: 0 };
    for (let seconds = 0; seconds < SECONDS / 2; seconds += RUN_SECONDS) {
      const { sent, received } = await ping(site.host, OFFICE.v4, {
        ...{ from: site.inner.v4, intervalSeconds: pingSeconds, octets: pingOctets },
        count: RUN_SECONDS / pingSeconds,
      });
      pings.sent += sent;
      pings.received += received;
    }
    const rekeys = (await counted("child_sas_rekeyed_total")) - before;
    // The site may drop what it sends itself while it puts new keys in place of old ones.
    const bySite = await dropsSince(site.host, theirs, SENDING);
    console.log(
      `volume rekeys: ${rekeys}, pings: ${JSON.stringify(pings)}, by the site: ${bySite}`,
    );
    expect(await dropped()).toBe(0);
    expect(pings.sent - pings.received).toBeLessThanOrEqual(bySite);
    expect(rekeys).toBeGreaterThan(SECONDS / 10);
    // What was replaced goes after some seconds: one pair stays.
    await until("only the newest are left", async () => (await spis()).length === 2).catch(
      async (cause) => {
        const states = (await spis()).map((spi) => spi.toString(16)).join(" ");
        const logs = `strongSwan:\n${await swan.log()}\nerouted:\n${await scenario.erouted.log()}`;
        throw new Error(`states: ${states}\n${logs}`, { cause });
      },
    );
    await expectKernelAsStatusSays(scenario);
    await swan.terminate();
    await swan.stop();
    await nothingLeft();
  },
  patient(SECONDS * 1_000 + 60_000),
);

async function counted(name: string): Promise<number> {
  const metrics = await scenario.erouted.get("/metrics");
  return Number(new RegExp(`^erouted_${name} (\\d+)$`, "m").exec(metrics)?.[1]);
}

async function dropped(): Promise<number> {
  const drops = Object.values(await xfrmDrops(scenario.laboratory.concentrator));
  return drops.reduce((sum, count) => sum + count, 0);
}

async function spis(): Promise<readonly number[]> {
  return (await xfrmStates(scenario.laboratory.concentrator)).map(({ spi }) => spi);
}

async function nothingLeft(): Promise<void> {
  await until("nothing is left", async () => (await spis()).length === 0);
}
