/**
 * Hybrid key exchange with ML-KEM (RFC 9242, RFC 9370) with a strongSwan that knows it: called and
 * calling, with new keys of each kind by each end.
 */

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { erouteViews } from "./agreement.ts";
import type { Site } from "./laboratory.ts";
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
import { newerStrongSwanMissing, type StrongSwan, type StrongSwanSettings } from "./strongswan.ts";

/** The group follows from the proposal's first method; further ones are exchanges of their own. */
const HYBRID = "aes256gcm16-prfsha384-x25519-ke1_mlkem768";
const HYBRID_ESP = "aes256gcm16-x25519-ke1_mlkem768";

const missing = newerStrongSwanMissing();
const when = missing === undefined ? test : test.skip;

let scenario: Scenario;
let site: Site;
let behindNat: Site;
let swan: StrongSwan | undefined;

beforeAll(async () => {
  if (missing !== undefined) return;
  const esp = JSON.stringify([HYBRID_ESP, "aes128gcm16-x25519"]);
  const ours = '"aes128gcm16-prfsha256-mlkem768", "aes128gcm16-prfsha256-x25519-ke1_mlkem1024"';
  scenario = await startScenario({
    sites: [{ ...rowOf(1), peerip: "192.0.2.11" }, rowOf(2), { ...rowOf(3), post_quantum: "1" }],
    eroute: `esp = ${esp}\nike = ["${HYBRID}", ${ours}, "aes128-sha256-x25519"]`,
    status: 'operate_token_file = "/run/erouted/operate.token"',
    files: { "operate.token": "an-operators-token" },
  });
  site = await scenario.laboratory.addSite(1);
  behindNat = await scenario.laboratory.addSite(2, "behind-nat");
});

afterEach(async () => {
  await swan?.stop();
  swan = undefined;
});

afterAll(async () => {
  await scenario?.erouted.stop();
});

const SUITES = [
  { ike: HYBRID, seen: "X25519+ML_KEM_768" },
  { ike: "aes128gcm16-prfsha256-mlkem768", seen: "ML_KEM_768" },
  { ike: "aes128gcm16-prfsha256-x25519-ke1_mlkem1024", seen: "X25519+ML_KEM_1024" },
  // It knows ML-KEM, and does not ask for it.
  { ike: "aes128-sha256-x25519", seen: "X25519" },
];

for (const { ike, seen } of SUITES) {
  when(`${ike}: the site connects, and packets pass`, async () => {
    swan = await startNewer(site, { ike });
    await bringUp(scenario, swan);
    expect(await keyExchangeOf("site-1")).toBe(seen);
    await pingBothWays(scenario, site);
    await swan.terminate();
    expect(await dynamicPeerIds(scenario)).toEqual([]);
  });
}

when("with its own proposals the site connects", async () => {
  swan = await startNewer(site, { ike: "default", esp: "default" });
  await bringUp(scenario, swan);
  await pingBothWays(scenario, site);
  await swan.terminate();
});

when("behind NAT, both ends get new keys with ML-KEM, for IKE and ESP", async () => {
  swan = await startNewer(behindNat, { ike: HYBRID, esp: HYBRID_ESP });
  await bringUp(scenario, swan);
  await pingBothWays(scenario, behindNat);
  await withNewKeys(scenario, behindNat, "child", swan.rekeyChild);
  await withNewKeys(scenario, behindNat, "ike", swan.rekeyIke);
  await withNewKeys(scenario, behindNat, "child", () => ask("rekey", "site-2"));
  await withNewKeys(scenario, behindNat, "ike", () => ask("rekey", "--ike", "site-2"));
  expect(await keyExchangeOf("site-2")).toBe("X25519+ML_KEM_768");
  await pingBothWays(scenario, behindNat);
  expect(await swan.log()).toContain("IKE_FOLLOWUP_KE");
  await swan.terminate();
  expect(await dynamicPeerIds(scenario)).toEqual([]);
});

when("R12: the site is called, with ML-KEM", async () => {
  swan = await startNewer(site, { ike: HYBRID, esp: HYBRID_ESP });
  await ask("connect", "site-1", "--wait");
  expect(await keyExchangeOf("site-1")).toBe("X25519+ML_KEM_768");
  await pingBothWays(scenario, site);
  await withNewKeys(scenario, site, "child", swan.rekeyChild);
  await pingBothWays(scenario, site);
  await swan.terminate();
});

when("a row demands it: the site is refused without ML-KEM, and connects with it", async () => {
  const bound = await scenario.laboratory.addSite(3);
  swan = await startNewer(bound, { ike: "aes128-sha256-x25519" });
  expect(await swan.initiate()).toBe(false);
  expect(await scenario.erouted.log()).toContain("demands a post-quantum key exchange");
  await swan.stop();
  swan = await startNewer(bound, { ike: HYBRID });
  await bringUp(scenario, swan);
  expect(await keyExchangeOf("site-3")).toBe("X25519+ML_KEM_768");
  await pingBothWays(scenario, bound);
  await swan.terminate();
});

async function startNewer(place: Site, changes: Partial<StrongSwanSettings>): Promise<StrongSwan> {
  return await startSite(place, { ...changes, newer: true });
}

/** A command of an operator, which has to succeed. */
async function ask(...words: readonly [string, ...string[]]): Promise<void> {
  const done = await scenario.erouted.command(...words);
  expect([done.status, done.err]).toEqual([0, ""]);
}

type HybridView = { readonly ike_sa: { readonly key_exchange: string; readonly spi_i: string } };

async function keyExchangeOf(peerId: string): Promise<string | undefined> {
  const found = (await erouteViews(scenario)).find(({ peer_id }) => peer_id === peerId);
  return (found as HybridView | undefined)?.ike_sa.key_exchange;
}
