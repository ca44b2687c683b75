/**
 * The identity of a site and its key: IDs of each type at both ends, keys in each form (RFC 7296
 * §2.15, §3.5); and rekeys of the IKE SA after a change of the PRFs (§2.18).
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { until } from "./hosts.ts";
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

const LONG = "a key of more than sixty-four characters, as some people like to have them";

/** IDs as strongSwan is given them, and as they are in rows; ours are of the same type. */
const IDENTITIES = [
  {
    ...{ type: "FQDN", theirs: "fqdn:gw.branch.example", row: "gw.branch.example" },
    ...{ ours: "fqdn:hub.example", ourRow: "hub.example", psk: LONG },
  },
  {
    ...{ type: "RFC822_ADDR", theirs: "email:gw@branch.example", row: "gw@branch.example" },
    ...{ ours: "email:hub@example.org", ourRow: "hub@example.org", psk: "0x00c0ffee00" },
  },
  {
    ...{ type: "KEY_ID", theirs: "keyid:unit 7", row: "unit 7" },
    ...{ ours: "keyid:hub 1", ourRow: "keyid:hub 1", psk: "0sAAECAwQFBgcICQ==" },
  },
  {
    // Not the address that its packets come from.
    ...{ type: "IPV4_ADDR", theirs: "203.0.113.77", row: "203.0.113.77" },
    ...{ ours: "203.0.113.1", ourRow: "203.0.113.1", psk: "k" },
  },
  {
    ...{ type: "IPV6_ADDR", theirs: "2001:db8:77::1", row: "2001:db8:77::1" },
    ...{ ours: "2001:db8:77::ffff", ourRow: "2001:db8:77::ffff", psk: LONG.repeat(3) },
  },
] as const;

let scenario: Scenario;
let site: Site;

beforeAll(async () => {
  const rows = IDENTITIES.map(({ row, psk }) => ({ ...rowOf(1), peerid: row, password: psk }));
  const eroutes = IDENTITIES.map(({ type, row }) => {
    const subnets = 'local_subnet = "10.0.0.0/16"\nremote_subnet = "192.168.0.0/16"';
    return `[[eroute]]\nname = "${type}"\negroup = "sites"\npeerid = "${row}"\n${subnets}\n`;
  });
  scenario = await startScenario({
    sites: [rowOf(1), ...rows],
    more: eroutes.join("\n"),
    eroute: 'ike = ["aes128-sha256-x25519"]',
  });
  for (const { row, ourRow } of IDENTITIES) {
    await scenario.erouted.sql("UPDATE eroutes SET ourid = ? WHERE peerid = ?", ourRow, row);
  }
  site = await scenario.laboratory.addSite(1);
});

afterAll(async () => {
  await scenario?.erouted.stop();
});

for (const { type, theirs, row, ours, psk } of IDENTITIES) {
  test(`V2-50 V2-52: a site with an ID of type ${type} connects with its key`, async () => {
    const swan = await startSite(site, { localId: theirs, remoteId: ours, psk });
    await bringUp(scenario, swan);
    expect(await dynamicPeerIds(scenario)).toEqual([row]);
    await pingBothWays(scenario, site);
    await swan.terminate();
    await swan.stop();
  });
}

test("V2-47: strongSwan's IKE SA keeps its PRF while both ends allow it", async () => {
  const swan = await startSite(site, { ike: "aes128-sha256-x25519,aes128-sha512-x25519" });
  await bringUp(scenario, swan);
  await propose("aes128-sha512-x25519", "aes128-sha256-x25519");
  const [before] = await swan.ikeSpis();
  await swan.rekeyIke();
  await until("there is another IKE SA, and one only", async () => {
    const now = await swan.ikeSpis();
    return now.length === 1 && now[0] !== before;
  });
  expect((await swan.sas())[0]?.algorithms).toContain("PRF_HMAC_SHA2_256");
  await withNewKeys(scenario, site, "child", swan.rekeyChild);
  await pingBothWays(scenario, site);
  await swan.terminate();
  await swan.stop();
});

/** What the eroute of site 1 accepts from now on. */
async function propose(...proposals: readonly string[]): Promise<void> {
  const { erouted } = scenario;
  const line = `ike = [${proposals.map((one) => `"${one}"`).join(", ")}]`;
  await erouted.configure((text) => text.replace(/^ike = \[.*\]$/m, line));
  const reloads = (await erouted.log()).split("is in force").length;
  process.kill(erouted.pid, "SIGHUP");
  await until("the file is read", async () => {
    return (await erouted.log()).split("is in force").length > reloads;
  });
}
