/** Post-quantum keys (RFC 8784) with strongSwan, in both roles, and with libreswan. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { patient } from "../../patience.ts";
import { type ErouteSeen, erouteViews } from "./agreement.ts";
import { OUR_ID } from "./erouted.ts";
import { untilFailure } from "./events.ts";
import { until } from "./hosts.ts";
import { CONCENTRATOR, type Site } from "./laboratory.ts";
import { startLibreswan } from "./libreswan.ts";
import { withNewKeys } from "./new-keys.ts";
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
import { isAnswered } from "./wire.ts";

const PPK = `0x${"5a0f".repeat(16)}`;
const OTHER_PPK = `0x${"c3e1".repeat(16)}`;
const REQUIRED = { id: "pq-1", secret: PPK, required: true };
const OPTIONAL = { ...REQUIRED, required: false };

let scenario: Scenario;
let first: Site;
let second: Site;

beforeAll(async () => {
  scenario = await startScenario({
    sites: [{ ...rowOf(1), peerip: "192.0.2.11" }, rowOf(2), rowOf(3)],
    egroup: 'remote_mask = "255.255.255.0"',
    more: `
[[eroute]]
name = "lab"
peerid = "lab-gw"
peerip = "192.0.2.12"
ourid = "${OUR_ID}"
local_subnet = "10.0.0.0/16"
remote_subnet = "192.168.2.0/24"
ppk = "optional"
[[user]]
name = "lab-gw"
password_file = "/run/erouted/lab.secret"
ppk_file = "/run/erouted/lab.ppk"
`,
    files: { "lab.secret": pskOf(2), "lab.ppk": PPK },
  });
  first = await scenario.laboratory.addSite(1);
  second = await scenario.laboratory.addSite(2);
  await setPpk("site-1", PPK, "pq-1");
});

afterAll(async () => {
  const log = await scenario.erouted.log();
  expect(log).not.toContain(PPK.slice(2, 20));
  expect(await scenario.erouted.stop()).toBe(0);
});

let daemon: Promise<StrongSwan> | undefined;

/** The first site's strongSwan, which calls, and waits to be called. */
function startFirst(): Promise<StrongSwan> {
  daemon ??= startSite(first, { ppk: REQUIRED, localAddress: first.address.v4 });
  return daemon;
}

async function setPpk(peerid: string, ppk: string | null, id: string | null): Promise<void> {
  const statement = "UPDATE eroutes SET ppk = ?, ppk_id = ? WHERE peerid = ?";
  await scenario.erouted.sql(statement, ppk, id, peerid);
}

async function viewOf(peerId: string): Promise<ErouteSeen | undefined> {
  return (await erouteViews(scenario)).find((eroute) => eroute.peer_id === peerId);
}

test("required by both: the site calls, both rekey, the pings go on", async () => {
  const swan = await startFirst();
  await bringUp(scenario, swan);
  await pingBothWays(scenario, first);
  expect((await viewOf("site-1"))?.ike_sa).toMatchObject({ role: "responder", ppk: true });
  expect(await swan.log()).toContain("using PPK for PPK_ID 'pq-1'");
  const sa = await scenario.erouted.command("sa", "site-1");
  expect(sa.out).toContain("with a PPK");
  for (const rekey of [swan.rekeyIke, swan.rekeyChild]) {
    await rekey();
    await pingBothWays(scenario, first);
  }
  expect((await viewOf("site-1"))?.ike_sa).toMatchObject({ ppk: true });
  await swan.terminate();
});

test("required by both: we call, and rekey is the site's or ours", async () => {
  const swan = await startFirst();
  await isCalled(first);
  expect((await viewOf("site-1"))?.ike_sa).toMatchObject({ role: "initiator", ppk: true });
  for (const rekey of [swan.rekeyIke, swan.rekeyChild]) {
    await rekey();
    await pingBothWays(scenario, first);
  }
  await swan.terminate();
  await swan.stop();
});

test("optional, and only one end has one: both connect without it", async () => {
  const swan = await startSite(second, { ppk: OPTIONAL });
  await bringUp(scenario, swan);
  await pingBothWays(scenario, second);
  expect((await viewOf("site-2"))?.ike_sa).toMatchObject({ ppk: false });
  await swan.terminate();
  await swan.stop();
  // We call, and only we have one.
  const lab = { localId: "lab-gw", localAddress: second.address.v4 };
  const called = await startSite(second, lab);
  await isCalled(second);
  await pingBothWays(scenario, second);
  expect((await viewOf("lab-gw"))?.ike_sa).toMatchObject({ role: "initiator", ppk: false });
  await called.terminate();
  await called.stop();
});

test("a wrong PPK is refused, and distinguished from a wrong key where possible", async () => {
  await setPpk("site-2", PPK, "pq-1");
  await fails({ ppk: { ...REQUIRED, secret: OTHER_PPK } }, "wrong-psk-or-ppk", "same keys");
  await fails({ ppk: { ...OPTIONAL, secret: OTHER_PPK } }, "wrong-ppk", "pre-shared key is right");
});

test("one end requires a PPK that the other does not have", async () => {
  await setPpk("site-2", PPK, "pq-1");
  await fails({}, "ppk-missing", "does not use its PPK");
  await setPpk("site-2", null, null);
  await fails({ ppk: REQUIRED }, "ppk-unknown", "none is on record");
});

test("libreswan connects with the files that remote-config writes, including the PPK", async () => {
  await setPpk("site-3", PPK, "pq-3");
  const site = await scenario.laboratory.addSite(3);
  const folder = "/run/remote-config-3";
  const words = ["peers", "remote-config", "site-3", "--for", "libreswan", "--output", folder];
  const written = await scenario.erouted.command(...words, "--address", CONCENTRATOR.v4);
  expect(written).toMatchObject({ status: 0 });
  const [conf = "", secrets = ""] = await Promise.all(
    ["conf", "secrets"].map((end) => readFile(`${folder}/erouted.${end}`, "utf8")),
  );
  const libreswan = await startLibreswan(site.host, {
    ...{ localId: "site-3", remoteId: OUR_ID, psk: "" },
    ...{ localAddress: site.address.v4, remoteAddress: CONCENTRATOR.v4, ike: "", esp: "" },
    ...{ localSubnet: site.subnet.v4, remoteSubnet: "10.0.0.0/16" },
    files: { name: "erouted", conf, secrets },
  });
  const isUp = async () => (await libreswan.counts()).child === 1;
  await until("a Child SA", isUp, patient(40_000)).catch(async (error) => {
    const logs = [await libreswan.log(), `erouted:\n${await scenario.erouted.log()}`];
    throw new Error(logs.join("\n"), { cause: error });
  });
  await pingBothWays(scenario, site);
  expect((await viewOf("site-3"))?.ike_sa).toMatchObject({ ppk: true });
  await withNewKeys(scenario, site, "child", libreswan.rekeyChild);
  await pingBothWays(scenario, site);
  await libreswan.stop();
});

/** Site 2 is refused for this reason, and `erouted why` contains these words. */
async function fails(
  changes: Partial<StrongSwanSettings>,
  reason: string,
  words: string,
): Promise<void> {
  const swan = await startSite(second, changes);
  expect(await swan.initiate()).toBe(false);
  await swan.stop();
  await untilFailure(scenario.erouted, "site-2", reason);
  const why = await scenario.erouted.command("why", "site-2");
  expect([why.status, why.out]).toEqual([4, expect.stringContaining(words)]);
}

/** A packet to a site that is not connected: it is called, and answers. */
async function isCalled({ inner }: Site): Promise<void> {
  const answered = () => isAnswered(scenario.laboratory.office, inner.v4, { count: 5 });
  await until("a ping is answered", answered);
}
