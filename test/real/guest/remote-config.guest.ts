/** The output of `erouted peers remote-config`, put into a site's files unchanged: it connects. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { patient } from "../../patience.ts";
import { OUR_ID } from "./erouted.ts";
import { until } from "./hosts.ts";
import { CONCENTRATOR, type Site } from "./laboratory.ts";
import { startLibreswan } from "./libreswan.ts";
import { withNewKeys } from "./new-keys.ts";
import { pingBothWays, rowOf, type Scenario, startScenario, startSite } from "./scenario.ts";
import { xfrmStates } from "./xfrm-states.ts";

/** It calls when it has started; it repeats what was lost, at longer and longer intervals. */
const CALL_MS_MAX = patient(40_000);

let scenario: Scenario;

beforeAll(async () => {
  scenario = await startScenario({ sites: [rowOf(1), rowOf(2)] });
});

afterAll(async () => {
  await scenario?.erouted.stop();
});

/** Prints, or writes, the configuration of a site. */
async function remoteConfig(site: Site, router: string, ...more: string[]): Promise<string> {
  const words = ["peers", "remote-config", `site-${site.number}`, "--for", router];
  const address = ["--address", CONCENTRATOR.v4];
  const ended = await scenario.erouted.command(...words, ...address, ...more);
  expect(ended).toMatchObject({ status: 0 });
  return ended.out;
}

test("strongSwan calls by itself with the printed configuration", async () => {
  const site = await scenario.laboratory.addSite(1);
  const swanctlConf = await remoteConfig(site, "strongswan");
  const swan = await startSite(site, { swanctlConf });
  await until("a Child SA", async () => (await swan.childSas()) === 1);
  await pingBothWays(scenario, site);
  expect((await swan.sas())[0]?.algorithms).toContain("AES_GCM_16-256");
  await expectShown();
  await swan.stop();
});

/** The commands show the same for site 1 as the kernel. */
async function expectShown(): Promise<void> {
  const states = await xfrmStates(scenario.laboratory.concentrator);
  const sa = await scenario.erouted.command("sa", "site-1");
  expect(states.length).toBe(2);
  for (const { spi } of states) {
    // Six pings went both ways.
    const shown = new RegExp(`0x${spi.toString(16).padStart(8, "0")} \\d+ B in 6 packets`);
    expect(sa.out).toMatch(shown);
  }
  const tunnels = await scenario.erouted.command("tunnels");
  expect(tunnels.out).toMatch(/^1 tunnel: 1 established; \d+ B received, \d+ B sent$/m);
}

test("libreswan calls by itself with the written files", async () => {
  const site = await scenario.laboratory.addSite(2);
  const folder = "/run/remote-config-2";
  await remoteConfig(site, "libreswan", "--output", folder);
  const [conf, secrets] = await Promise.all(
    ["conf", "secrets"].map((end) => readFile(`${folder}/erouted.${end}`, "utf8")),
  );
  const libreswan = await startLibreswan(site.host, {
    ...{ localId: "site-2", remoteId: OUR_ID, psk: "" },
    ...{ localAddress: site.address.v4, remoteAddress: CONCENTRATOR.v4, ike: "", esp: "" },
    ...{ localSubnet: site.subnet.v4, remoteSubnet: "10.0.0.0/16" },
    files: { name: "erouted", conf: conf ?? "", secrets: secrets ?? "" },
  });
  const isUp = async () => (await libreswan.counts()).child === 1;
  await until("a Child SA", isUp, CALL_MS_MAX).catch(async (error) => {
    const logs = [await libreswan.log(), `erouted:\n${await scenario.erouted.log()}`];
    throw new Error(logs.join("\n"), { cause: error });
  });
  await pingBothWays(scenario, site);
  await withNewKeys(scenario, site, "child", libreswan.rekeyChild);
  await pingBothWays(scenario, site);
  await libreswan.stop();
});
