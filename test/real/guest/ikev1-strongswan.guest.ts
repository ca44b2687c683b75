/** strongSwan calls with IKEv1, which its eroute allows: by ID, or in Main Mode by its address. */

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { must, run, until } from "./hosts.ts";
import { CONCENTRATOR, OFFICE, type Site } from "./laboratory.ts";
import {
  bringUp,
  pingBothWays,
  pskOf,
  rowOf,
  type Scenario,
  startScenario,
  startSite,
} from "./scenario.ts";
import type { StrongSwan, StrongSwanSettings } from "./strongswan.ts";
import { ping } from "./wire.ts";
import { xfrmStates } from "./xfrm-states.ts";

const V1 = {
  version: 1,
  ike: "aes256-sha256-modp2048",
  esp: "aes256-sha256",
} as const satisfies Partial<StrongSwanSettings>;
const AGGRESSIVE = { ...V1, aggressive: true } as const;
const REKEYS = 3;
const PINGS = 60;

let scenario: Scenario;
let site: Site;
let swan: StrongSwan | undefined;

beforeAll(async () => {
  const eroute = 'ike_version = "both"';
  scenario = await startScenario({ sites: [rowOf(1), rowOf(2)], eroute });
  site = await scenario.laboratory.addSite(1);
});

afterEach(async () => {
  await swan?.stop();
  swan = undefined;
});

afterAll(async () => {
  expect(await scenario.erouted.stop()).toBe(0);
});

test("Aggressive Mode: the site is found by its ID, and pings pass both ways", async () => {
  swan = await startSite(site, AGGRESSIVE);
  await bringUp(scenario, swan);
  await pingBothWays(scenario, site);
  const shown = await scenario.erouted.json("/api/v1/dynamic-eroutes?with=ikev1");
  expect(shown).toMatchObject({ dynamic_eroutes: [{ peer_id: "site-1", ike_sa: { version: 1 } }] });
  await swan.terminate();
  await until("nothing is left", async () => (await spis()).length === 0);
});

test("Phase 2 is rekeyed by the site under traffic without loss", async () => {
  swan = await startSite(site, AGGRESSIVE);
  await bringUp(scenario, swan);
  const before = await spis();
  const options = { count: PINGS, intervalSeconds: 0.1 };
  const pings = Promise.all([
    ping(site.host, OFFICE.v4, { ...options, from: site.inner.v4 }),
    ping(scenario.laboratory.office, site.inner.v4, options),
  ]);
  for (let round = 0; round < REKEYS; round++) {
    await swan.rekeyChild();
    await Bun.sleep(1_000);
  }
  for (const { sent, received } of await pings) expect(received).toBe(sent);
  // It keeps those that it has replaced until they expire; with delete_rekeyed it loses packets.
  const metrics = await scenario.erouted.get("/metrics");
  expect(metrics).toMatch(new RegExp(`^erouted_child_sas_rekeyed_total ${REKEYS}$`, "m"));
  expect((await spis()).some((spi) => !before.includes(spi))).toBe(true);
});

test("a wrong key and an unknown ID are refused, and `why` says which", async () => {
  swan = await startSite(site, { ...AGGRESSIVE, psk: "not the key of site 1" });
  expect(await swan.initiate(5)).toBe(false);
  await swan.stop();
  // In Aggressive Mode it is the site that notices: its third message never comes.
  await until("`why` says it", async () => {
    const wrong = await scenario.erouted.command("why", "site-1");
    return wrong.out.includes("another pre-shared key");
  });
  swan = await startSite(site, { ...AGGRESSIVE, localId: "site-99" });
  expect(await swan.initiate(5)).toBe(false);
  const unknown = await scenario.erouted.command("why", "site-99");
  expect(unknown.out).toContain("no row");
});

test("subnets outside those of its row are refused", async () => {
  swan = await startSite(site, { ...AGGRESSIVE, localSubnet: "192.168.77.0/24" });
  expect(await swan.initiate(5)).toBe(false);
  const why = await scenario.erouted.command("why", "site-1");
  expect(why.out).toContain("192.168.77.0/24");
  expect(await spis()).toEqual([]);
});

test("Main Mode: the site is found by the peerip of its row", async () => {
  await scenario.erouted.sql(
    "update eroutes set peerip = ? where peerid = 'site-1'",
    site.address.v4,
  );
  swan = await startSite(site, V1);
  await bringUp(scenario, swan);
  await pingBothWays(scenario, site);
});

test("ESP with AES-GCM, and with SHA2-256 of 96 bits where the eroute says so", async () => {
  swan = await startSite(site, { ...AGGRESSIVE, esp: "aes256gcm16" });
  await bringUp(scenario, swan);
  await pingBothWays(scenario, site);
  await swan.stop();
  await reconfigure('ike_version = "both"', 'ike_version = "both"\nsha256_96 = true');
  swan = await startSite(site, { ...AGGRESSIVE, child: "sha256_96 = yes" });
  await bringUp(scenario, swan);
  await pingBothWays(scenario, site);
  const states = await must(scenario.laboratory.concentrator, ["ip", "xfrm", "state"]);
  expect(states.match(/auth-trunc hmac\(sha256\) .* 96$/gm)).toHaveLength(2);
  await reconfigure("\nsha256_96 = true", "");
});

test("ike-scan gets a handshake in Main Mode, and in Aggressive Mode with an ID", async () => {
  const scan = async (...mode: string[]) => {
    const transform = "--trans=(1=7,14=256,2=4,3=1,4=14)";
    const words = ["ike-scan", "--sport=0", "--retry=2", transform, ...mode, CONCENTRATOR.v4];
    return (await run(site.host, words)).out;
  };
  expect(await scan()).toContain("Main Mode Handshake returned");
  const aggressive = ["--aggressive", "--dhgroup=14", "--idtype=2"];
  const known = await scan(...aggressive, "--id=site-1");
  expect(known).toContain("Aggressive Mode Handshake returned");
  expect(known).toContain("Enc=AES KeyLength=256 Hash=SHA2-256 Auth=PSK Group=14:modp2048");
  expect(await scan(...aggressive, "--id=site-99")).not.toContain("returned HDR");
});

test("Main Mode: two rows with one peerip are named, and neither is chosen", async () => {
  await scenario.erouted.sql(
    "update eroutes set peerip = ? where peerid = 'site-2'",
    site.address.v4,
  );
  swan = await startSite(site, V1);
  expect(await swan.initiate(5)).toBe(false);
  const why = await scenario.erouted.command("why", site.address.v4);
  expect(why.out).toContain("site-1 and site-2 both have the peerip");
});

test("one ID comes with IKEv1 and then with IKEv2: one eroute, the former SAs go", async () => {
  swan = await startSite(site, AGGRESSIVE);
  await bringUp(scenario, swan);
  const before = await spis();
  await swan.kill();
  swan = await startSite(site, { psk: pskOf(1) });
  await bringUp(scenario, swan);
  await pingBothWays(scenario, site);
  const shown = await scenario.erouted.json("/api/v1/dynamic-eroutes");
  expect(shown).toMatchObject({ dynamic_eroutes: [{ peer_id: "site-1", ike_sa: { version: 2 } }] });
  await until("the former SAs are gone", async () =>
    (await spis()).every((spi) => !before.includes(spi)),
  );
});

/** Changes the configuration, and waits until the new one is in force. */
async function reconfigure(before: string, after: string): Promise<void> {
  const reloads = async () => (await scenario.erouted.log()).split(" reloaded: ").length;
  const former = await reloads();
  await scenario.erouted.configure((text) => text.replace(before, after));
  process.kill(scenario.erouted.pid, "SIGHUP");
  await until("the configuration is reloaded", async () => (await reloads()) > former);
}

async function spis(): Promise<number[]> {
  const states = await xfrmStates(scenario.laboratory.concentrator);
  return states.map((state) => state.spi).sort((a, b) => a - b);
}
