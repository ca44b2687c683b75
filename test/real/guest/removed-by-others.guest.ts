/**
 * Another program changes the kernel's tables, as a script with `ip xfrm state flush` does. Traffic
 * comes back by itself, the log says what happened, and other programs' objects stay.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { must, run, until } from "./hosts.ts";
import { OFFICE, type Site } from "./laboratory.ts";
import {
  bringUp,
  pingBothWays,
  rowOf,
  type Scenario,
  startScenario,
  startSite,
} from "./scenario.ts";
import type { StrongSwan } from "./strongswan.ts";
import { capture, isAnswered, ping, startPinging } from "./wire.ts";
import { xfrmStates } from "./xfrm-states.ts";

let scenario: Scenario;
let site: Site;
let swan: StrongSwan;

beforeAll(async () => {
  scenario = await startScenario({ sites: [rowOf(1)], eroute: "routes = true" });
  site = await scenario.laboratory.addSite(1);
  swan = await startSite(site);
  await bringUp(scenario, swan);
});

afterAll(async () => {
  await swan?.stop();
  await scenario?.erouted.stop();
});

test("`ip xfrm state flush` under a ping: new keys, and nothing leaves in clear", async () => {
  const wire = await capture(scenario.laboratory.internet, "br0");
  const pinging = await startPinging(scenario.laboratory.office, site.inner.v4);
  const before = await spis();
  await ip("xfrm state flush");
  await until("new states are there, and carry packets", async () => {
    const now = await spis();
    return now.length === 2 && !now.some((spi) => before.includes(spi)) && (await answers());
  });
  await pinging.stop();
  expect((await wire.stop()).clearText).toBe(false);
  expect(await removals()).toContain("removed 2 states of ours from the kernel: Child SAs get new");
  await pingBothWays(scenario, site);
});

test("`ip xfrm state delete` of one: its Child SA is rekeyed", async () => {
  const wire = await capture(scenario.laboratory.internet, "br0");
  for (const dst of [site.address.v4, "192.0.2.1"]) {
    const states = await xfrmStates(scenario.laboratory.concentrator);
    const one = states.find((state) => state.dst === dst);
    if (one === undefined) throw new Error(`there is a state to ${dst}`);
    await ip(`xfrm state delete src ${one.src} dst ${dst} proto esp spi ${one.spi}`);
    await until("new states are there", async () => {
      const now = await spis();
      return now.length === 2 && !now.includes(one.spi) && (await answers());
    });
  }
  expect((await wire.stop()).clearText).toBe(false);
  const why = await scenario.erouted.command("why", "site-1");
  expect(why.out).toContain("site-1 is connected");
});

test("`ip xfrm policy flush`: all are put back, and then nothing leaves in clear", async () => {
  const before = await policies();
  await ip("xfrm policy flush");
  await until("all policies are back", async () => `${await policies()}` === `${before}`);
  const wire = await capture(scenario.laboratory.internet, "br0");
  await pingBothWays(scenario, site);
  // To a site that does not exist: the trap holds the packet back.
  await ping(scenario.laboratory.office, "192.168.77.1", { count: 2, waitSeconds: 1 });
  expect((await wire.stop()).clearText).toBe(false);
  expect(await removals()).toMatch(/removed \d+ policies of ours from the kernel/);
});

test("a deleted policy and route are put back; the policy of another program stays", async () => {
  const foreign = "src 172.31.0.0/16 dst 172.30.0.0/16 dir out";
  await ip(`xfrm policy add ${foreign} action block priority 7`);
  const before = await policies();
  await ip("xfrm policy delete src 10.0.0.0/16 dst 192.168.1.0/24 dir out");
  await ip("route del 192.168.1.0/24 proto 69");
  await until("both are back", async () => {
    const { out } = await run(scenario.laboratory.concentrator, ["ip", "route"]);
    return `${await policies()}` === `${before}` && out.includes("192.168.1.0/24 dev wan proto 69");
  });
  await pingBothWays(scenario, site);
  const status = await scenario.erouted.command("status");
  expect(status.out).toMatch(/another program removed \d+ states, \d+ policies, 1 route of ours/);
  await ip(`xfrm policy delete ${foreign}`);
});

async function ip(words: string): Promise<void> {
  await must(scenario.laboratory.concentrator, ["ip", ...words.split(" ")]);
}

function answers(): Promise<boolean> {
  return isAnswered(site.host, OFFICE.v4, { from: site.inner.v4, count: 1 });
}

async function spis(): Promise<number[]> {
  return (await xfrmStates(scenario.laboratory.concentrator)).map(({ spi }) => spi);
}

/** Selectors and directions, sorted; not those of sockets. */
async function policies(): Promise<string[]> {
  const text = await must(scenario.laboratory.concentrator, ["ip", "-o", "xfrm", "policy"]);
  return [...text.matchAll(/^src (\S+ dst \S+).*?dir (in|out|fwd) /gm)]
    .map(([, selector, direction]) => `${direction} ${selector}`)
    .sort();
}

async function removals(): Promise<string> {
  const lines = (await scenario.erouted.log()).split("\n");
  return lines.filter((line) => line.includes("another program")).join("\n");
}
