/** Sites with a public address and IPv4: algorithms, counters, and what remains when they leave. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Site } from "./laboratory.ts";
import {
  bringUp,
  dynamicPeerIds,
  packetsOf,
  pingBothWays,
  rowOf,
  type Scenario,
  startScenario,
  startSite,
} from "./scenario.ts";
import { capture } from "./wire.ts";
import { untilNothingIsLeft, xfrmPolicies, xfrmStates } from "./xfrm-states.ts";

let scenario: Scenario;
let site: Site;

beforeAll(async () => {
  const [ike, esp] = (["ike", "esp"] as const).map((kind) =>
    JSON.stringify([...new Set(SUITES.map((suite) => suite[kind]))]),
  );
  scenario = await startScenario({ sites: [rowOf(1)], eroute: `ike = ${ike}\nesp = ${esp}` });
  site = await scenario.laboratory.addSite(1);
});

afterAll(async () => {
  await scenario?.erouted.stop();
});

const SUITES = [
  { ike: "aes128-sha256-x25519", esp: "aes128gcm16" },
  { ike: "aes128-sha256-modp2048", esp: "aes128-sha256" },
  { ike: "aes256gcm16-prfsha384-ecp384", esp: "aes256gcm16" },
  { ike: "chacha20poly1305-prfsha256-x25519", esp: "chacha20poly1305" },
  // All else that the kernel has, beside a cheap IKE SA.
  ...[
    ...["aes192gcm16", "aes128gcm12", "aes256gcm8", "aes128ccm16", "aes192ccm12", "aes256ccm8"],
    ...["aes192-sha384", "aes128ctr-sha256", "aes256ctr-sha512", "aes128-aesxcbc"],
    ...["aes256-aescmac", "camellia256-sha256", "aes128gmac"],
  ].map((esp) => ({ ike: "aes128-sha256-x25519", esp })),
];

for (const suite of SUITES) {
  const name = `${suite.ike} with ${suite.esp}`;
  test(`R2 R4 R5: ${name} carries pings, nothing in clear, and leaves nothing behind`, async () => {
    const swan = await startSite(site, suite);
    const wire = await capture(scenario.laboratory.internet, "br0");
    await bringUp(scenario, swan);
    expect(await dynamicPeerIds(scenario)).toEqual(["site-1"]);
    await pingBothWays(scenario, site);
    // AES-GMAC only authenticates.
    const clearText = suite.esp.endsWith("gmac");
    expect(await wire.stop()).toMatchObject({ ...(clearText ? {} : { clearText }), esp: 12 });
    expect(await packetsOf(scenario, site.address.v4)).toEqual({ from: 6, to: 6 });

    await swan.terminate();
    expect(await dynamicPeerIds(scenario)).toEqual([]);
    await untilNothingIsLeft(scenario.laboratory.concentrator);
    await swan.stop();
  });
}

test("the daemon notifies its sites when it stops, and cleans up the kernel", async () => {
  const swan = await startSite(site);
  await bringUp(scenario, swan);
  expect(await scenario.erouted.stop()).toBe(0);
  expect(await swan.childSas()).toBe(0);
  expect(await xfrmStates(scenario.laboratory.concentrator)).toEqual([]);
  expect(await xfrmPolicies(scenario.laboratory.concentrator)).toEqual([]);
  await swan.stop();
});
