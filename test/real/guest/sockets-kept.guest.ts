/**
 * kill -9, and nobody starts erouted again for a while: ESP of a site behind NAT goes on, in both
 * directions, because its UDP socket is still open, and nobody tells the site otherwise.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { patient } from "../../patience.ts";
import { startErouted } from "./erouted.ts";
import { type Host, must, start } from "./hosts.ts";
import { CONCENTRATOR, OFFICE, type Site } from "./laboratory.ts";
import {
  bringUp,
  pingBothWays,
  rowOf,
  type Scenario,
  startScenario,
  startSite,
} from "./scenario.ts";
import type { StrongSwan } from "./strongswan.ts";
import { ping } from "./wire.ts";
import { xfrmDrops } from "./xfrm-states.ts";

const NAT: Host = { name: "nat" };
const SETTINGS = { sites: [rowOf(1)], keeps: true };
const PINGS = { count: 200, intervalSeconds: 0.01 };

let scenario: Scenario;
let site: Site;
let swan: StrongSwan;

beforeAll(async () => {
  scenario = await startScenario(SETTINGS);
  site = await scenario.laboratory.addSite(1, "behind-nat");
  swan = await startSite(site);
  await bringUp(scenario, swan);
});

afterAll(async () => {
  await swan?.stop();
  await scenario?.erouted.stop();
});

test(
  "while no erouted runs, no packet of a site behind NAT is lost, and no port is unreachable",
  async () => {
    await pingBothWays(scenario, site);
    const { concentrator } = scenario.laboratory;
    const dump = start(NAT, ["tcpdump", "-n", "-l", "-i", "br0", "icmp[0] == 3"]);
    await scenario.erouted.kill();
    expect(await must(concentrator, ["ss", "-Huln", "sport", "=", "4500"])).toContain(
      `${CONCENTRATOR.v4}:4500`,
    );
    const there = await ping(site.host, OFFICE.v4, { ...PINGS, from: site.inner.v4 });
    const back = await ping(scenario.laboratory.office, site.inner.v4, PINGS);
    expect({ there, back }).toEqual({
      there: { sent: 200, received: 200 },
      back: { sent: 200, received: 200 },
    });
    await dump.stop();
    const unreachable = (await dump.output()).split("\n").filter((line) => / ICMP /.test(line));
    expect(unreachable).toEqual([]);
    expect(await xfrmDrops(concentrator)).toEqual({});
  },
  patient(60_000),
);

test(
  "the next erouted has the same sockets, and what the site sent meanwhile is answered",
  async () => {
    const { laboratory } = scenario;
    const inode = () => must(laboratory.concentrator, ["ss", "-Hulne", "sport", "=", "4500"]);
    const before = /ino:(\d+)/.exec(await inode())?.[1];
    expect(before).toMatch(/^\d+$/);
    const erouted = await startErouted(laboratory.concentrator, { ...SETTINGS, sites: [] });
    scenario = { laboratory, erouted };
    expect(/ino:(\d+)/.exec(await inode())?.[1]).toBe(before);
    await swan.control("terminate", { ike: "net", force: "yes" }).catch(() => undefined);
    await bringUp(scenario, swan);
    await pingBothWays(scenario, site);
  },
  patient(180_000),
);
