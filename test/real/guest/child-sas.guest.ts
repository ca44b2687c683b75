/**
 * Child SAs of all kinds with strongSwan: several of one site, extended sequence numbers, rekeying
 * after octets, transport mode, protocols and ports.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { patient } from "../../patience.ts";
import { type ErouteSeen, erouteViews } from "./agreement.ts";
import { configure, type Host, must, until } from "./hosts.ts";
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
import { isAnswered, ping, startPinging } from "./wire.ts";
import { type XfrmStateSeen, xfrmDrops, xfrmPolicies, xfrmStates } from "./xfrm-states.ts";

/** Of site 1: the second subnet of its row. */
const SECOND = { subnet: "192.168.101.0/24", address: "192.168.101.1" };
/** Octets after which a Child SA is rekeyed, and those of one ping, which is fragmented. */
const OCTETS = { limit: 1_000_000, ping: 8_000 };

const SECRET = "key of a normal eroute";
const NORMAL = ["by-octets", "hosts", "guarded", "web"].map(
  (name) => `[[user]]\nname = "${name}"\npassword_file = "/run/erouted/normal.secret"\n`,
);
const MORE = `
[[eroute]]
name = "by-octets"
peerid = "by-octets"
ourid = "concentrator.example"
local_subnet = "10.0.0.0/16"
remote_subnet = "192.168.2.0/24"
lifetime_bytes = ${OCTETS.limit}

[[eroute]]
name = "hosts"
peerid = "hosts"
ourid = "concentrator.example"
local_subnet = "${CONCENTRATOR.v4}/32"
remote_subnet = "192.0.2.13/32"
transport = true

[[eroute]]
name = "guarded"
peerid = "guarded"
ourid = "concentrator.example"
local_subnet = "${CONCENTRATOR.v4}/32"
remote_subnet = "192.0.2.13/32"

[[eroute]]
name = "web"
peerid = "web"
ourid = "concentrator.example"
local_subnet = "10.0.0.0/16"
remote_subnet = "192.168.4.0/24"
protocol = "udp"
local_port = 5000

${NORMAL.join("\n")}`;

let scenario: Scenario;
let site: Site;
let swan: StrongSwan;

beforeAll(async () => {
  scenario = await startScenario({
    sites: [{ ...rowOf(1), remip: `192.168.1.0 ${SECOND.subnet}` }],
    status: 'operate_token_file = "/run/erouted/operate.token"',
    more: MORE,
    files: { "normal.secret": SECRET, "operate.token": "an-operators-token" },
  });
  site = await scenario.laboratory.addSite(1);
  await configure(site.host, [`addr add ${SECOND.address}/24 dev lo`]);
  swan = await startSite(site, { esp: "aes128gcm16-x25519-esn", child: secondChild() });
  await bringUp(scenario, swan);
});

afterAll(async () => {
  await swan?.stop();
  expect(await scenario.erouted.stop()).toBe(0);
});

test("ESN is negotiated with strongSwan, and in the states of both kernels", async () => {
  await pingBothWays(scenario, site);
  expect((await fleet()).child_sas.map(({ algorithms }) => algorithms)).toEqual([
    "AES_GCM_16_128/ESN",
  ]);
  for (const host of [scenario.laboratory.concentrator, site.host]) {
    const states = await statesIn(host);
    expect(states.map((state) => / flag .*\besn\b/.test(state))).toEqual([true, true]);
    // The numbers are counted in two halves.
    const [inbound = "", outbound = ""] = states.sort((a) => (/oseq 0x0\b/.test(a) ? -1 : 1));
    expect(inbound).toMatch(/seq-hi 0x0, seq 0x[1-9a-f]\w*, oseq-hi 0x0, oseq 0x0\b/);
    expect(outbound).toMatch(/seq-hi 0x0, seq 0x0, oseq-hi 0x0, oseq 0x[1-9a-f]/);
  }
  const window = (await statesIn(scenario.laboratory.concentrator)).map(
    (state) => /replay_window (\d+)/.exec(state)?.[1],
  );
  expect(window).toContain("128");
});

test("R12: a packet to the second subnet brings up its Child SA beside the first", async () => {
  const answers = () => isAnswered(scenario.laboratory.office, SECOND.address, { count: 5 });
  await until("a ping is answered", answers);
  expect(await subnetsUp()).toEqual([site.subnet.v4, SECOND.subnet]);
  const there = await ping(site.host, OFFICE.v4, { from: SECOND.address });
  expect(there.received).toBe(3);
  await pingBothWays(scenario, site);
  const [{ role }] = [(await fleet()).ike_sa ?? { role: "" }];
  expect(role).toBe("responder");
});

test("both are rekeyed by erouted, with perfect forward secrecy, without loss", async () => {
  const before = (await fleet()).child_sas.map(({ spi_in }) => spi_in);
  const lost = await lostWhile(async () => {
    const { status, err } = await scenario.erouted.command("rekey", "site-1");
    expect([status, err]).toEqual([0, ""]);
    await until("all keys are new", async () => {
      const now = (await fleet()).child_sas;
      return now.length === 2 && now.every(({ spi_in }) => !before.includes(spi_in));
    });
  });
  expect(lost).toEqual([[], []]);
  expect((await fleet()).child_sas.map(({ algorithms }) => algorithms)).toEqual([
    "AES_GCM_16_128/X25519/ESN",
    "AES_GCM_16_128/X25519/ESN",
  ]);
  expect(await subnetsUp()).toEqual([site.subnet.v4, SECOND.subnet]);
});

test("one is deleted by the site: the other carries on", async () => {
  await swan.control("terminate", { child: "net2" });
  await until("the first is left", async () => (await subnetsUp()).join() === site.subnet.v4);
  await pingBothWays(scenario, site);
});

test(
  "keys are replaced after so many octets, without loss",
  async () => {
    const second = await scenario.laboratory.addSite(2);
    const other = await startNormal(second, "by-octets", {
      localSubnet: second.subnet.v4,
      remoteSubnet: "10.0.0.0/16",
    });
    await bringUp(scenario, other);
    const spis = async () => (await xfrmStates(second.host)).map(({ spi }) => spi);
    const before = await spis();
    const { limit, ping: octets } = OCTETS;
    const exchange = async (count: number) => {
      const options = { from: second.inner.v4, count, intervalSeconds: 0.05, octets };
      expect(await ping(second.host, OFFICE.v4, options)).toEqual({ sent: count, received: count });
    };
    await exchange(Math.ceil(limit / octets) + 1);
    const replaced = async () => (await spis()).some((spi) => !before.includes(spi));
    await until("the Child SA is replaced", replaced);
    // The kernel ends a state a tenth beyond the limit: by then nothing uses it.
    await exchange(Math.ceil((0.2 * limit) / octets));
    // Replaced Child SAs are received for some seconds more, at both ends.
    const anew = async () => !(await spis()).some((spi) => before.includes(spi));
    await until("all keys are new", anew);
    expect(await xfrmDrops(scenario.laboratory.concentrator)).not.toHaveProperty("XfrmInNoStates");
    await other.terminate();
    await other.stop();
  },
  patient(90_000),
);

test("transport mode: where it is allowed, and where it is not", async () => {
  const third = await scenario.laboratory.addSite(3);
  const of = { localSubnet: `${third.address.v4}/32`, remoteSubnet: `${CONCENTRATOR.v4}/32` };
  // If it is not allowed, the answer is a tunnel, which strongSwan accepts as well.
  for (const [name, mode] of [
    ["hosts", "transport"],
    ["guarded", "tunnel"],
  ] as const) {
    const hosts = await startNormal(third, name, { ...of, child: "mode = transport" });
    await bringUp(scenario, hosts);
    expect((await ping(third.host, CONCENTRATOR.v4)).received).toBe(3);
    const { concentrator } = scenario.laboratory;
    const here = (await xfrmStates(concentrator)).filter((state) => isOf(state, third));
    for (const states of [here, await xfrmStates(third.host)]) {
      expect(states.map((state) => [state.mode, state.packets])).toEqual([
        [mode, 3],
        [mode, 3],
      ]);
    }
    await hosts.terminate();
    await hosts.stop();
  }
});

test("protocol and port: only matching packets of the subnets are carried", async () => {
  const fourth = await scenario.laboratory.addSite(4);
  const web = await startNormal(fourth, "web", {
    // More than the eroute allows: it is narrowed.
    ...{ localSubnet: `${fourth.subnet.v4}[udp]`, remoteSubnet: "10.0.0.0/16[udp]" },
  });
  await bringUp(scenario, web);
  const { concentrator, office } = scenario.laboratory;
  const policies = await must(concentrator, ["ip", "xfrm", "policy"]);
  expect(policies).toMatch(/src 10\.0\.0\.0\/16 dst 192\.168\.4\.0\/24 proto udp sport 5000 \n/);
  const carried = async () => {
    const states = await xfrmStates(concentrator);
    return states.find(({ src }) => src === fourth.address.v4)?.packets;
  };
  await sendUdp(fourth.host, fourth.inner.v4, [5000, 5001, 5000]);
  await until("two datagrams are carried", async () => (await carried()) === 2);
  await ping(fourth.host, OFFICE.v4, { from: fourth.inner.v4, count: 2, waitSeconds: 1 });
  await ping(office, fourth.inner.v4, { count: 2, waitSeconds: 1 });
  expect(await carried()).toBe(2);
  expect((await xfrmPolicies(fourth.host)).length).toBe(3);
  await web.terminate();
  await web.stop();
});

/** A second `child` section for strongSwan, which it does not bring up by itself. */
function secondChild(): string {
  return `} net2 { esp_proposals = aes128gcm16-x25519-esn
    local_ts = ${SECOND.subnet}
    remote_ts = 10.0.0.0/16
    rekey_time = 0s`;
}

async function startNormal(
  at: Site,
  name: string,
  more: { readonly localSubnet: string; readonly remoteSubnet: string; readonly child?: string },
): Promise<StrongSwan> {
  return await startSite(at, { localId: name, psk: SECRET, ...more });
}

async function fleet(): Promise<ErouteSeen> {
  const found = (await erouteViews(scenario)).find(({ peer_id }) => peer_id === "site-1");
  if (found === undefined) throw new Error("site-1 is not connected");
  return found;
}

/** The remote subnets that site 1 has Child SAs for. */
async function subnetsUp(): Promise<string[]> {
  return (await fleet()).child_sas.flatMap(({ remote_subnets }) => remote_subnets).sort();
}

function isOf({ src, dst }: XfrmStateSeen, { address }: Site): boolean {
  return src === address.v4 || dst === address.v4;
}

/** Pings to both subnets of site 1 while the work lasts, and a little longer. */
async function lostWhile(work: () => Promise<void>): Promise<(readonly number[])[]> {
  const { office } = scenario.laboratory;
  const pings = [
    await startPinging(office, site.inner.v4),
    await startPinging(office, SECOND.address),
  ];
  await work();
  await Bun.sleep(1_000);
  return await Promise.all(pings.map(async (one) => (await one.stop()).lost));
}

/** One text for each ESP state of a host, with everything that `ip` prints about it. */
async function statesIn(host: Host): Promise<string[]> {
  const text = await must(host, ["ip", "-s", "xfrm", "state"]);
  return text.split(/\n(?=src )/).filter((block) => block.includes("proto esp"));
}

/** A datagram to each of these ports of the office. */
async function sendUdp(host: Host, from: string, ports: readonly number[]): Promise<void> {
  const script = `const socket = await Bun.udpSocket({ hostname: "${from}" });
    for (const port of [${ports}]) {
      socket.send("a datagram", port, "${OFFICE.v4}");
      await Bun.sleep(20);
    }
    socket.close();`;
  await must(host, [process.execPath, "-e", script]);
}
