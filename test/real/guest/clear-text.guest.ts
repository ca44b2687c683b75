/** Packets without an SA (R14): nothing in clear through crash and restart; drop; pass. */

import { afterEach, expect, test } from "bun:test";
import { patient } from "../../patience.ts";
import { type Erouted, type EroutedSettings, startErouted } from "./erouted.ts";
import { must } from "./hosts.ts";
import { CONCENTRATOR, OFFICE, type Site } from "./laboratory.ts";
import {
  bringUp,
  pingBothWays,
  rowOf,
  type Scenario,
  startScenario,
  startSite,
} from "./scenario.ts";
import { capture, isAnswered, ping, startPinging } from "./wire.ts";

let scenario: Scenario | undefined;

afterEach(async () => {
  await scenario?.erouted.stop();
});

/** A laboratory in which packets in clear would reach the site: only policies hold them back. */
async function open(settings: Partial<EroutedSettings>): Promise<{ scene: Scenario; site: Site }> {
  const scene =
    scenario === undefined
      ? await startScenario({ sites: [rowOf(1)], ...settings })
      : {
          laboratory: scenario.laboratory,
          erouted: await startErouted(scenario.laboratory.concentrator, {
            ...{ sites: [], ...settings },
          }),
        };
  const isFirst = scenario === undefined;
  scenario = scene;
  const site = isFirst ? await scene.laboratory.addSite(1) : known;
  known = site;
  if (!isFirst) return { scene, site };
  const { concentrator } = scene.laboratory;
  await must(concentrator, `ip route add ${site.subnet.v4} via ${site.address.v4}`.split(" "));
  await must(site.host, `ip route replace 10.0.0.0/16 via ${CONCENTRATOR.v4}`.split(" "));
  return { scene, site };
}

let known: Site;

async function again(scene: Scenario): Promise<Erouted> {
  const erouted = await startErouted(scene.laboratory.concentrator, { sites: [] });
  scenario = { laboratory: scene.laboratory, erouted };
  return erouted;
}

test(
  "R14: through kill -9, stop and start nothing leaves in clear",
  async () => {
    const { scene, site } = await open({});
    let swan = await startSite(site);
    const wire = await capture(scene.laboratory.internet, "br0");
    const pinging = await startPinging(scene.laboratory.office, site.inner.v4);
    await bringUp(scene, swan);
    await pingBothWays(scene, site);
    await scene.erouted.kill();
    await Bun.sleep(2_000);
    const second = await again(scene);
    await Bun.sleep(2_000);
    expect(await second.stop()).toBe(0);
    await Bun.sleep(1_000);
    await again(scene);
    await swan.stop();
    swan = await startSite(site);
    await bringUp(scene, swan);
    await pingBothWays(scene, site);
    await pinging.stop();
    await swan.stop();
    // The site answers in clear what it decrypts before its own policies are in: not our packets.
    const ours = (await wire.stop()).pings.filter((line) => line.includes(`IP ${OFFICE.v4} > `));
    expect(ours).toEqual([]);
  },
  patient(120_000),
);

test("R14: no_sa = pass: packets without an SA leave in clear", async () => {
  const { scene, site } = await open({ eroute: 'no_sa = "pass"' });
  const wire = await capture(scene.laboratory.internet, "br0");
  const { received } = await ping(scene.laboratory.office, site.inner.v4);
  expect(received).toBe(3);
  expect(await wire.stop()).toMatchObject({ clearText: true });
});

test("R14: no_sa = drop: they are dropped, and nothing arrives in clear", async () => {
  const { scene, site } = await open({ eroute: 'no_sa = "drop"' });
  const wire = await capture(scene.laboratory.internet, "br0");
  expect(await isAnswered(scene.laboratory.office, site.inner.v4)).toBe(false);
  expect(await wire.stop()).toMatchObject({ clearText: false });
  expect(await isAnswered(site.host, OFFICE.v4, { from: site.inner.v4 })).toBe(false);
  const swan = await startSite(site);
  await bringUp(scene, swan);
  await pingBothWays(scene, site);
  await swan.stop();
});

test("R14: the default eroute drops everything except IKE and the exceptions", async () => {
  const more = '[default_eroute]\noutbound = "drop"\ninbound = "drop"\nexcept = "10.0.0.0/16"';
  const { scene, site } = await open({ more });
  expect(await isAnswered(site.host, CONCENTRATOR.v4)).toBe(false);
  expect((await ping(scene.laboratory.office, "10.0.0.1")).received).toBe(3);
  expect(await scene.erouted.get("/healthz")).not.toBe("");
  const swan = await startSite(site);
  await bringUp(scene, swan);
  await pingBothWays(scene, site);
  await swan.stop();
});
