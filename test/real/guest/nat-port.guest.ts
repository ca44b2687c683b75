/**
 * A site behind a NAT whose IKE comes from port 500 although it has moved to 4500: a firewall on
 * the path, or a replay. Its ESP in UDP stays where it is, and the message is answered.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { addFilter, removeFilters } from "./filters.ts";
import { type Host, must, start, until } from "./hosts.ts";
import { CONCENTRATOR, type Site } from "./laboratory.ts";
import {
  bringUp,
  pingBothWays,
  rowOf,
  type Scenario,
  startScenario,
  startSite,
} from "./scenario.ts";
import type { StrongSwan } from "./strongswan.ts";

const NAT: Host = { name: "nat" };
const OUTSIDE = "192.0.2.9";

let scenario: Scenario;
let site: Site;
let swan: StrongSwan;

beforeAll(async () => {
  scenario = await startScenario({ sites: [rowOf(1)] });
  site = await scenario.laboratory.addSite(1, "behind-nat");
  // Without MOBIKE: with it, only the site itself says where it is.
  swan = await startSite(site);
  await bringUp(scenario, swan);
});

afterAll(async () => {
  await swan?.stop();
  await scenario?.erouted.stop();
});

test("a new message on port 500 is answered there, and ESP in UDP stays on 4500", async () => {
  await pingBothWays(scenario, site);
  const before = await encapsulations();
  expect(before.length).toBe(2);
  const message = await heldBackRequest();
  // The site's own copies are held back until then: ours is the first to arrive.
  expect(await answerTo(message)).toBe(true);
  await letThrough();
  expect(await encapsulations()).toEqual(before);
  await pingBothWays(scenario, site);
});

test("the site repeats it on 4500, is answered as well, and continues", async () => {
  const before = await encapsulations();
  await swan.rekeyChild();
  await until("both states are new ones, on the same ports", async () => {
    const now = await encapsulations();
    return now.length === 2 && now.every((line) => before.includes(line));
  });
  await pingBothWays(scenario, site);
});

/** A request of the site while none of its UDP gets through: the octets after the marker. */
async function heldBackRequest(): Promise<string> {
  const file = "/run/held-back.pcap";
  const filter = ["udp", "dst", "port", "4500", "and", "udp[8:4]", "=", "0"];
  const dump = start(NAT, ["tcpdump", "-n", "-U", "-i", "br0", "-w", file, ...filter]);
  await until("tcpdump listens", async () => (await dump.output()).includes("listening on"));
  const block = "ingress flower ip_proto udp dst_port 4500 action drop";
  await addFilter(NAT, "br0", block.split(" "));
  void swan.rekeyIke().catch(() => {});
  let found = "";
  await until("the site has asked for something", async () => {
    const octets = new Uint8Array(await Bun.file(file).arrayBuffer());
    found = firstPayload(octets);
    return found !== "";
  });
  await dump.stop();
  return found;
}

async function letThrough(): Promise<void> {
  await removeFilters(NAT, "br0", "ingress");
}

/** pcap header, record header, Ethernet, IPv4 without options, UDP, non-ESP marker. */
function firstPayload(pcap: Uint8Array): string {
  const record = pcap.subarray(24);
  if (record.length < 16) return "";
  const length = new DataView(record.buffer, record.byteOffset).getUint32(8, true);
  const frame = record.subarray(16, 16 + length);
  return frame.length < length ? "" : Buffer.from(frame.subarray(14 + 20 + 8 + 4)).toString("hex");
}

/**
 * Sends it from a port for which the router has no mapping; returns whether it is answered there.
 */
async function answerTo(message: string): Promise<boolean> {
  const script = `
    const socket = await Bun.udpSocket({
      hostname: "${OUTSIDE}",
      port: 5001,
      socket: { data: () => { console.log("answered"); process.exit(0); } },
    });
    socket.send(Buffer.from("${message}", "hex"), 500, "${CONCENTRATOR.v4}");
    setTimeout(() => process.exit(1), 10_000);
  `;
  return (await must(NAT, [process.execPath, "-e", script])).includes("answered");
}

/** `sport 4500 dport 1024` of each state. */
async function encapsulations(): Promise<string[]> {
  const text = await must(scenario.laboratory.concentrator, ["ip", "xfrm", "state"]);
  return [...text.matchAll(/encap type espinudp (sport \d+ dport \d+)/g)].map((m) => m[1] ?? "");
}
