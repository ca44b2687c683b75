/** The demo's scenes: a concentrator, three sites that connect, a fourth that does not, and why. */

import { type Erouted, startErouted } from "../test/real/guest/erouted.ts";
import { must } from "../test/real/guest/hosts.ts";
import {
  buildLaboratory,
  CONCENTRATOR,
  type Laboratory,
  OFFICE,
  type Site,
} from "../test/real/guest/laboratory.ts";
import { rowOf, startSite } from "../test/real/guest/scenario.ts";
import type { StrongSwan } from "../test/real/guest/strongswan.ts";
import { capture, ping } from "../test/real/guest/wire.ts";
import { xfrmPolicies, xfrmStates } from "../test/real/guest/xfrm-states.ts";

type Stage = {
  readonly laboratory: Laboratory;
  readonly erouted: Erouted;
  readonly sites: readonly Site[];
  readonly peers: readonly StrongSwan[];
};

const INITIATE_SECONDS = 8;

const stage = await build();
await traffic(stage);
await lookAtSites(stage);
await lookAtKernel(stage);
await wrongKey(stage);
await farewell(stage);

async function build(): Promise<Stage> {
  scene("A concentrator, and an office with 10.0.0.0/16 behind it");
  const laboratory = await buildLaboratory();
  const erouted = await startErouted(laboratory.concentrator, { sites: [1, 2, 3, 4].map(rowOf) });
  say(`erouted runs on ${CONCENTRATOR.v4} with this configuration:`);
  show(await Bun.file(erouted.configFile).text());
  say("Its sites are rows of a table, here in SQLite; `erouted peers list`:");
  show((await erouted.command("peers", "list")).out);

  scene("Three sites call it: strongSwan, each with its own key; site-2 is behind a NAT router");
  const sites = [
    await laboratory.addSite(1),
    await laboratory.addSite(2, "behind-nat"),
    await laboratory.addSite(3),
  ];
  const peers: StrongSwan[] = [];
  for (const site of sites) {
    const peer = await startSite(site);
    const up = await peer.initiate();
    say(`site-${site.number} calls from ${site.address.v4}: ${up ? "connected" : "NOT connected"}`);
    if (!up) throw new Error(`${await peer.log()}\n${await erouted.log()}`);
    peers.push(peer);
  }
  return { laboratory, erouted, sites, peers };
}

async function traffic({ laboratory, sites }: Stage): Promise<void> {
  scene("Pings between the sites' networks and the office, with a capture on the Internet");
  const wire = await capture(laboratory.internet, "br0");
  for (const site of sites) {
    const there = await ping(site.host, OFFICE.v4, { from: site.inner.v4 });
    const back = await ping(laboratory.office, site.inner.v4);
    const shown = (result: typeof there) => `${result.received} of ${result.sent} came back`;
    say(`${site.inner.v4} -> ${OFFICE.v4}: ${shown(there)}`);
    say(`${OFFICE.v4} -> ${site.inner.v4}: ${shown(back)}`);
    if (there.received + back.received !== there.sent + back.sent) throw new Error("pings lost");
  }
  const seen = await wire.stop();
  const clear = seen.clearText ? "CLEAR TEXT of the pings" : "no clear text of the pings";
  say(`Seen there: ${seen.esp} ESP packets, ${seen.udp4500} on UDP port 4500, ${clear}`);
}

async function lookAtSites({ erouted }: Stage): Promise<void> {
  scene("Which sites are up? curl http://127.0.0.1:8080/api/v1/dynamic-eroutes; site-2 in it");
  const answer = await erouted.get("/api/v1/dynamic-eroutes");
  show(pretty(answer, (eroute) => eroute.includes('"site-2"')));
  say("The same for people: erouted status");
  show((await erouted.command("status")).out);
}

async function lookAtKernel({ laboratory }: Stage): Promise<void> {
  scene("The view of the concentrator's kernel: ip -s xfrm state, shortened");
  for (const state of await xfrmStates(laboratory.concentrator)) {
    const spi = `0x${state.spi.toString(16).padStart(8, "0")}`;
    const how = state.encapsulated ? "ESP in UDP" : "ESP";
    const use = `${state.packets} packets, ${state.octets} octets`;
    say(`${state.src} -> ${state.dst}  ${spi}  ${how}  ${use}`);
  }
}

async function wrongKey({ laboratory, erouted }: Stage): Promise<void> {
  scene("A fourth site calls, and its key is wrong");
  const site = await laboratory.addSite(4);
  const peer = await startSite(site, { psk: "not the key in its row" });
  const up = await peer.initiate(INITIATE_SECONDS);
  say(`site-4 calls from ${site.address.v4}: ${up ? "CONNECTED" : "refused"}`);
  await peer.stop();
  if (up) throw new Error("a wrong key was accepted");
  say("Why? erouted why site-4 says why, and what to do:");
  show((await erouted.command("why", "site-4")).out);
}

async function farewell({ laboratory, erouted, peers }: Stage): Promise<void> {
  scene("erouted stops: it notifies its sites and removes what it installed");
  const status = await erouted.stop();
  const { concentrator } = laboratory;
  const left = [...(await xfrmStates(concentrator)), ...(await xfrmPolicies(concentrator))];
  say(`exit status ${status}; XFRM states and policies left: ${left.length}`);
  for (const [index, peer] of peers.entries()) {
    say(`site-${index + 1} has ${await peer.childSas()} Child SAs`);
    await peer.stop();
  }
  const names = (await must(undefined, ["ip", "netns", "list"])).split("\n");
  for (const name of names.map((line) => line.split(" ")[0] ?? "").filter((word) => word !== "")) {
    await must(undefined, ["ip", "netns", "delete", name]);
  }
  if (status !== 0 || left.length > 0) throw new Error("the farewell was not clean");
}

function scene(title: string): void {
  console.log(`\n== ${title}\n`);
}

function say(line: string): void {
  console.log(`   ${line}`);
}

function show(text: string): void {
  for (const line of text.trimEnd().split("\n")) console.log(`     | ${line}`);
}

/** JSON with line breaks; of a list, only the requested members. */
function pretty(text: string, wanted: (member: string) => boolean): string {
  const answer: Readonly<Record<string, unknown>> = JSON.parse(text);
  const shortened = Object.entries(answer).map(([key, value]) => [
    key,
    Array.isArray(value) ? value.filter((member) => wanted(JSON.stringify(member))) : value,
  ]);
  return JSON.stringify(Object.fromEntries(shortened), null, 2);
}
