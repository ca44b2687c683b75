/**
 * A path on which UDP datagrams of more than 1280 octets vanish, as behind firewalls that drop IP
 * fragments. Longer IKE messages come in fragments of their own (RFC 7383).
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { expectKernelAsStatusSays } from "./agreement.ts";
import { dropLongUdp } from "./filters.ts";
import { type Host, until } from "./hosts.ts";
import type { Site } from "./laboratory.ts";
import {
  bringUp,
  pingBothWays,
  rowOf,
  type Scenario,
  startScenario,
  startSite,
} from "./scenario.ts";
import { xfrmStates } from "./xfrm-states.ts";

const OCTETS_MAX = 1_280;

/** So many that a message with all of them does not fit: 44 octets each. */
const OURS = ["aes256", "aes128"].flatMap((encr) =>
  ["sha512", "sha384", "sha256"].flatMap((integ) =>
    ["x25519", "ecp256", "ecp384", "ecp521", "modp2048"].map((ke) => `${encr}-${integ}-${ke}`),
  ),
);
/** strongSwan leaves out those that differ only in the key exchange. */
const THEIRS = ["aes128ctr", "aes192ctr", "aes256ctr", "aes192", "aes128", "aes256"].flatMap(
  (encr) =>
    ["sha1", "aesxcbc", "aescmac", "sha384", "sha512", "sha256"].map((integ) => `${encr}-${integ}`),
);

let scenario: Scenario;
let site: Site;

beforeAll(async () => {
  const esp = [...OURS, "aes256-sha256"].map((proposal) => `"${proposal}"`).join(", ");
  scenario = await startScenario({
    sites: [{ ...rowOf(1), peerip: "192.0.2.11" }],
    eroute: `esp = [${esp}]`,
    status: 'operate_token_file = "/run/erouted/operate.token"',
    files: { "operate.token": "an-operators-token" },
  });
  site = await scenario.laboratory.addSite(1);
  await narrow(site.host);
  await narrow(scenario.laboratory.concentrator);
});

afterAll(async () => {
  await scenario?.erouted.stop();
});

test("without fragments the site does not get through: the path is narrow", async () => {
  const swan = await startSite(site, { esp: THEIRS.join(), fragmentation: false });
  expect(await swan.initiate(5)).toBe(false);
  expect(await swan.log()).toContain("retransmit 1 of request with message ID 1");
  await swan.stop();
});

test("a site calls, and rekeys, in fragments", async () => {
  const swan = await startSite(site, { esp: THEIRS.join() });
  await bringUp(scenario, swan);
  await pingBothWays(scenario, site);
  const before = await fragmentsReceived();
  expect(before).toBeGreaterThan(0);
  const old = (await xfrmStates(site.host)).map((state) => state.spi);
  await swan.rekeyChild();
  await until("the site has new states", async () => {
    const now = (await xfrmStates(site.host)).map((state) => state.spi);
    return now.length > 1 && now.some((spi) => !old.includes(spi));
  });
  await pingBothWays(scenario, site);
  expect(await fragmentsReceived()).toBeGreaterThan(before);
  await expectKernelAsStatusSays(scenario);
  await swan.terminate();
  await swan.stop();
});

test("erouted calls in fragments", async () => {
  const swan = await startSite(site, { esp: "aes256-sha256" });
  const done = await scenario.erouted.command("connect", "site-1", "--wait");
  if (done.status !== 0) {
    throw new Error(`${done.err}\n${await swan.log()}\nerouted:\n${await scenario.erouted.log()}`);
  }
  await pingBothWays(scenario, site);
  const log = await swan.log();
  expect(log).toMatch(/received fragment #1 of [2-9]/);
  expect(log).toMatch(/parsed IKE_AUTH request 1 .*SA TSi TSr/);
  await expectKernelAsStatusSays(scenario);
  await swan.terminate();
  await swan.stop();
});

/** Longer ones are dropped as they leave, before IP would fragment them. */
async function narrow(host: Host): Promise<void> {
  await dropLongUdp(host, "wan", OCTETS_MAX);
}

async function fragmentsReceived(): Promise<number> {
  const metrics = await scenario.erouted.get("/metrics");
  return Number(/^erouted_fragments_received_total (\d+)/m.exec(metrics)?.[1]);
}
