/**
 * Sites that must not connect: each fails with its reason, and the connected one does not notice.
 */

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { eventsOf, failuresOf, untilFailure } from "./events.ts";
import type { Site } from "./laboratory.ts";
import {
  bringUp,
  dynamicPeerIds,
  pingBothWays,
  pskOf,
  rowOf,
  type Scenario,
  startScenario,
  startSite,
} from "./scenario.ts";
import type { StrongSwan, StrongSwanSettings } from "./strongswan.ts";

let scenario: Scenario;
let good: Site;
let bad: Site;
let goodSwan: StrongSwan;

beforeAll(async () => {
  scenario = await startScenario({
    sites: [
      rowOf(1),
      rowOf(2),
      { peerid: "site-no-key", password: "", remip: "192.168.3.0", remmsk: "255.255.255.0" },
      { ...rowOf(4), peerid: "site-outside", remip: "172.30.4.0" },
      { ...rowOf(5), peerid: "site-malformed", remip: "192.168.5" },
      { peerid: "site-no-subnet", password: "some key" },
    ],
    more: `
[[eroute]]
name = "lab"
peerid = "lab-*"
local_subnet = "10.0.0.0/16"
remote_subnet = "192.168.2.0/24"
[[user]]
name = "lab-gw"
password_file = "/run/erouted/lab.secret"
[[user]]
name = "user-alone"
password_file = "/run/erouted/lab.secret"
`,
    files: { "lab.secret": pskOf(2) },
  });
  good = await scenario.laboratory.addSite(1);
  bad = await scenario.laboratory.addSite(2);
  goodSwan = await startSite(good);
  await bringUp(scenario, goodSwan);
});

afterEach(async () => {
  await pingBothWays(scenario, good);
  expect(await dynamicPeerIds(scenario)).toEqual(["site-1"]);
});

afterAll(async () => {
  await goodSwan.stop();
  expect(await scenario.erouted.stop()).toBe(0);
});

test("R6: a wrong key ends the negotiation, with its reason, and the key in no log", async () => {
  await fails({ localId: "site-2", psk: "not the key" }, "wrong-psk", [
    "site-2 is not connected: wrong pre-shared key",
    "base eroute fleet matches it",
    "remip 192.168.2.0",
    "password set",
    "from 192.0.2.12:500: failed at IKE_AUTH",
    "set the same key at both ends",
  ]);
  const log = await scenario.erouted.log();
  expect(log).toContain("wrong-psk");
  expect(log).not.toContain(pskOf(2));
  expect(log).not.toContain("not the key");
});

test("R1: an ID that no eroute matches is refused; the closest pattern is named", async () => {
  await fails({ localId: "stranger-7" }, "no-eroute", ["no eroute matches the peer ID"]);
  const [event] = await eventsOf(scenario.erouted, "stranger-7");
  expect(event?.detail).toContain("stranger-7");
});

test("a site that expects another ID from us: both are named, and what to change", async () => {
  const swan = await startSite(bad, { remoteId: "hub.example" });
  expect(await swan.initiate()).toBe(false);
  await swan.stop();
  await untilFailure(scenario.erouted, "site-2", "wrong-our-id");
  const why = await scenario.erouted.command("why", "site-2");
  expect(why.out).toContain("the site expects another ID of us");
  expect(why.out).toMatch(/expects our ID to be hub\.example, ours is\s+concentrator\.example/);
});

test("R6: an ID without a row", async () => {
  await fails({ localId: "site-99" }, "no-row", [
    "no row in the database",
    "peers add --peerid site-99",
  ]);
});

test("R6: a row without a key", async () => {
  await fails({ localId: "site-no-key" }, "no-password", ["fill the column password"]);
});

test("R6: a row without a subnet", async () => {
  await fails({ localId: "site-no-subnet" }, "no-subnet", ["fill remip and remmsk"]);
});

test("R10: a row whose subnet lies outside the base eroute's", async () => {
  await fails({ localId: "site-outside" }, "outside-base-subnet", ["172.30.4.0", "remote_subnet"]);
});

test("R6: a row with a malformed address", async () => {
  await fails({ localId: "site-malformed" }, "bad-subnet", ["192.168.5"]);
});

test("R3: a local user without an eroute, and an eroute without a local user", async () => {
  await fails({ localId: "user-alone" }, "user-without-eroute", ["a local user, but no eroute"]);
  await fails({ localId: "lab-other" }, "eroute-without-user", ["an eroute, but no local user"]);
});

test("R3: a local user with a normal eroute connects without the database", async () => {
  const swan = await startSite(bad, { localId: "lab-gw", remoteId: "192.0.2.1" });
  await bringUp(scenario, swan);
  await pingBothWays(scenario, bad);
  await swan.terminate();
  await swan.stop();
});

test("proposals without anything in common are shown side by side", async () => {
  await fails({ ike: "aes128-sha1-modp2048" });
  const { events } = (await scenario.erouted.json("/api/v1/events?limit=1000")) as {
    events: { reason: string; offered?: string[]; wanted?: string[] }[];
  };
  const event = events.find(({ reason }) => reason === "no-proposal-chosen");
  expect(event?.offered).toEqual(["AES_CBC_128/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_2048"]);
  expect(event?.wanted?.join()).toContain("AES_GCM_16_256");
  // Its ID is not known yet: the address leads to it.
  const why = await scenario.erouted.command("why", bad.address.v4);
  expect(why.out).toContain("no common integrity: the site offers HMAC_SHA1_96");
  expect(why.out).toMatch(/^integrity +HMAC_SHA1_96 +HMAC_SHA2_256_128 +<- nothing in common$/m);
  expect(why.out).toMatch(/^key exchange +MODP_2048 +MODP_2048$/m);
  expect(why.out).toContain('"aes128-sha1-modp2048" as a further proposal of `ike`');
});

test("a Child SA without algorithms or subnets in common: which, and what to change", async () => {
  await fails({ localId: "site-2", psk: pskOf(2), esp: "aes256-sha1" }, "no-proposal-chosen", [
    "site-2 is not connected: no algorithms in common",
    '"aes256-sha1" as a further proposal of `esp`',
  ]);
  await fails({ localId: "site-2", localSubnet: "192.168.77.0/24" }, "ts-unacceptable", [
    "site-2 is not connected: no subnets in common",
    "its own network is 192.168.77.0/24, here it is 192.168.2.0/24",
    "remip and remmsk of its row",
  ]);
  await fails({ localId: "site-2", remoteSubnet: "172.31.0.0/16" }, "ts-unacceptable", [
    "asks for 172.31.0.0/16 behind the concentrator",
    "local_subnet of eroute fleet",
  ]);
});

test("an unknown ID and a wrong key look the same from outside", async () => {
  const unknown = await refusalOf({ localId: "stranger-8" });
  const withoutRow = await refusalOf({ localId: "site-98" });
  const wrongKey = await refusalOf({ localId: "site-2", psk: "not the key" });
  for (const refusal of [unknown, withoutRow, wrongKey]) {
    expect(refusal.said).toContain("N(AUTH_FAILED)");
    expect(refusal.said).toEqual(unknown.said);
  }
});

test("a site whose key is corrected in its row connects at the next attempt (R2)", async () => {
  const swan = await startSite(bad, { localId: "site-2", psk: "the new key" });
  expect(await swan.initiate()).toBe(false);
  await scenario.erouted.sql(
    "UPDATE eroutes SET password = ? WHERE peerid = ?",
    "the new key",
    "site-2",
  );
  await bringUp(scenario, swan);
  const why = await scenario.erouted.command("why", "site-2");
  expect(why.status).toBe(0);
  expect(why.out).toMatch(/^site-2 is connected, from 192\.0\.2\.12, for \d+ s\n/);
  expect(why.out).toMatch(/^ok +traffic +\d+ packets came from the site, \d+ packets went to it$/m);
  await pingBothWays(scenario, bad);
  await swan.terminate();
  await swan.stop();
});

/** The site is refused for this reason, and `erouted why` says these things about it. */
async function fails(
  changes: Partial<StrongSwanSettings>,
  reason?: string,
  said: readonly string[] = [],
): Promise<void> {
  const swan = await startSite(bad, changes);
  expect(await swan.initiate()).toBe(false);
  await swan.stop();
  if (reason === undefined) return;
  await untilFailure(scenario.erouted, changes.localId ?? "", reason);
  expect((await failuresOf(scenario.erouted, changes.localId ?? "")).at(-1)).toBe(reason);
  const why = await scenario.erouted.command("why", changes.localId ?? "");
  expect([why.status, why.err]).toEqual([4, ""]);
  for (const words of said) expect(why.out).toContain(words);
}

/** What strongSwan says about the answer to IKE_AUTH. */
async function refusalOf(changes: Partial<StrongSwanSettings>): Promise<{ readonly said: string }> {
  const swan = await startSite(bad, changes);
  expect(await swan.initiate()).toBe(false);
  const log = await swan.log();
  await swan.stop();
  const said = log.match(/(parsed IKE_AUTH response.*|received packet: .* \(\d+ bytes\))$/gm) ?? [];
  return {
    said: said
      .slice(-2)
      .join("\n")
      .replaceAll(/\d+\.\d+\.\d+\.\d+/g, "ADDRESS"),
  };
}
