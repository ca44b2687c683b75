/**
 * What an eroute's options do to packets: the states and policies of a Child SA in the kernel, with
 * the other end set up by `ip xfrm`, and a capture in between.
 */

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import {
  type ChildPlace,
  childPolicies,
  inboundState,
  outboundState,
} from "../../../src/concentrator/dataplane/xfrm-of-child.ts";
import type { ChildOptions } from "../../../src/eroute/eroute.ts";
import type { Kernel } from "../../../src/linux/xfrm-kernel.ts";
import type { XfrmRequest } from "../../../src/xfrm/request.ts";
import { realKernel } from "../../contract/linux-kernel.ts";
import { childPlace, KEYS, selectorOf } from "../../example/concentrator/child-place.ts";
import { addFilter, removeFilters } from "./filters.ts";
import { addHost, configure, type Host, must, run, start, until } from "./hosts.ts";

const HERE = "192.0.2.1";
const THERE = "192.0.2.11";
const INNER = { here: "10.0.0.1", there: "192.168.1.1" } as const;

let kernel: Kernel;
let peer: Host;
let installed: readonly XfrmRequest[] = [];

beforeAll(async () => {
  kernel = realKernel();
  peer = await addHost("peer");
  await configure(undefined, [
    "link set lo up",
    "link add wan type veth peer name wan netns peer",
    `addr add ${HERE}/24 dev wan`,
    `addr add ${INNER.here}/32 dev lo`,
    "link set wan up",
    `route add 192.168.1.0/24 via ${THERE} src ${INNER.here}`,
  ]);
  await configure(peer, [
    `addr add ${THERE}/24 dev wan`,
    `addr add ${INNER.there}/32 dev lo`,
    "link set wan up",
    `route add 10.0.0.0/16 via ${HERE} src ${INNER.there}`,
  ]);
});

afterEach(() => {
  for (const request of installed) demand(request);
  installed = [];
});

afterAll(() => kernel.close());

/** A ping with DSCP 10 (0x28), ECT(0) and DF; and how many show these values outside. */
const HEADERS: readonly (readonly [string, Partial<ChildOptions>, readonly number[]])[] = [
  ["all of the inner header", {}, [3, 3, 3]],
  ["no DSCP", { copyDscp: false }, [0, 3, 3]],
  ["no ECN", { ecn: false }, [3, 0, 3]],
  ["no DF", { pathMtuDiscovery: false }, [3, 3, 0]],
];

test.each(HEADERS)("the outer header takes over %s", async (_, options, expected) => {
  await install(placeWith(options));
  const outside = `esp and src ${HERE} and`;
  const seen = await captureCounts([
    `${outside} ip[1] & 0xfc = 0x28`,
    `${outside} ip[1] & 0x03 = 0x02`,
    `${outside} ip[6] & 0x40 != 0`,
  ]);
  expect(await received(["-Q", "0x2a", "-M", "do"])).toBe(3);
  expect(await seen()).toEqual([...expected]);
});

test("only packets with the mark use the Child SA of an eroute with a mark", async () => {
  await install(placeWith({ mark: { value: 7, mask: 0xff } }));
  // Packets from the tunnel get the mark of the eroute that they came by.
  const rule = `ingress flower src_ip ${INNER.there} action skbedit mark 7`;
  await addFilter(undefined, "wan", rule.split(" "));
  // By their size: decrypted packets pass the capture a second time.
  const long = `icmp and src ${INNER.here} and greater 500`;
  const seen = await captureCounts([`esp and src ${HERE}`, long]);
  expect(await received(["-m", "7"])).toBe(3);
  await received(["-s", "500"]);
  expect(await seen()).toEqual([3, 3]);
  await removeFilters(undefined, "wan", "ingress");
});

test("an interface ID is in the kernel on both states and all policies", async () => {
  await install(placeWith({ ifId: 42 }));
  const states = await must(undefined, ["ip", "xfrm", "state"]);
  const policies = await must(undefined, ["ip", "xfrm", "policy"]);
  expect([...states.matchAll(/if_id 0x2a/g)].length).toBe(2);
  expect([...policies.matchAll(/if_id 0x2a/g)].length).toBe(3);
});

test("every port of a range is protected, and no other", async () => {
  const place = placeWith({});
  const [remote] = place.child.remote;
  if (remote === undefined) throw new Error("there is a remote selector");
  const range = { ...remote, protocol: 17, startPort: 1000, endPort: 2999 };
  await install({ ...place, child: { ...place.child, remote: [range] } });
  const seen = await captureCounts([`esp and src ${HERE}`, "udp port 999 or udp port 3000"]);
  const socket = await Bun.udpSocket({ hostname: INNER.here, port: 0 });
  for (const port of [999, 1000, 1023, 1024, 2047, 2048, 2560, 2999, 3000]) {
    socket.send("a packet", port, INNER.there);
    await Bun.sleep(20);
  }
  socket.close();
  expect(await seen()).toEqual([7, 2]);
});

test("transport mode protects what the two ends themselves send", async () => {
  const place = placeWith({});
  const child = {
    ...place.child,
    mode: "transport",
    local: [selectorOf(HERE)],
    remote: [selectorOf(THERE)],
  } as const;
  await install({ ...place, child }, "transport");
  const seen = await captureCounts(["esp", "icmp"]);
  expect(await received([], THERE)).toBe(3);
  expect(await seen()).toEqual([6, 0]);
});

test("the kernel reports the packet limit; after a tenth more it ends the state", async () => {
  const place = placeWith({ lifetimePackets: 20n });
  await install(place);
  const told: boolean[] = [];
  const listening = kernel.listen(
    (event) => {
      if (event.kind === "expire") told.push(event.expire.hard);
    },
    () => {},
  );
  expect(listening.ok).toBe(true);
  await received(["-c", "30", "-i", "0.02"]);
  await until("both limits are told", async () => told.includes(true));
  expect(told[0]).toBe(false);
  const { id } = outboundState(place, KEYS);
  expect(kernel.perform({ op: "query-state", id }).ok).toBe(false);
  installed = childPolicies(place).map((policy) => ({ op: "delete-policy", id: policy.id }));
  kernel.perform({ op: "delete-state", id: inboundState(place, KEYS).id });
});

function placeWith(changes: Partial<ChildOptions>): ChildPlace {
  const place = childPlace();
  return { ...place, options: { ...place.options, ...changes } };
}

/** Both ends: ours through requests, the peer's through `ip xfrm`. */
async function install(place: ChildPlace, mode = "tunnel"): Promise<void> {
  const [inbound, outbound] = [inboundState(place, KEYS), outboundState(place, KEYS)];
  const policies = childPolicies(place);
  for (const state of [inbound, outbound]) demand({ op: "new-state", state });
  for (const policy of policies) demand({ op: "put-policy", policy });
  const { mark } = place.options;
  installed = [
    ...policies.map(({ id }) => ({ op: "delete-policy", id }) as const),
    { op: "delete-state", id: outbound.id, ...(mark === undefined ? {} : { mark }) },
    { op: "delete-state", id: inbound.id },
  ];
  const [there, here] = mode === "tunnel" ? ["192.168.1.0/24", "10.0.0.0/16"] : [THERE, HERE];
  const key = KEYS.in.encryption.toHex();
  const keys = `proto esp reqid 7 mode ${mode} aead rfc4106(gcm(aes)) 0x${key} 128`;
  const template = (ends: string) => `tmpl ${ends} proto esp reqid 7 mode ${mode}`;
  const [outward, inward] = [`src ${THERE} dst ${HERE}`, `src ${HERE} dst ${THERE}`];
  await configure(peer, [
    "xfrm state flush",
    "xfrm policy flush",
    `xfrm state add ${inward} spi ${outbound.id.spi} ${keys}`,
    `xfrm state add ${outward} spi ${inbound.id.spi} ${keys}`,
    `xfrm policy add src ${there} dst ${here} dir out ${template(outward)}`,
    `xfrm policy add src ${here} dst ${there} dir in ${template(inward)}`,
  ]);
}

function demand(request: XfrmRequest): void {
  const result = kernel.perform(request);
  if (!result.ok) throw new Error(Bun.inspect(result.error));
}

/** Answers to three pings. */
async function received(options: readonly string[], to: string = INNER.there): Promise<number> {
  const words = ["ping", "-n", "-q", "-c", "3", "-i", "0.1", "-W", "1", ...options, to];
  const ended = await run(undefined, words);
  return Number(/(\d+) received/.exec(ended.out)?.[1]);
}

/** From now on, at the peer's interface: how many packets match each filter. */
async function captureCounts(filters: readonly string[]): Promise<() => Promise<number[]>> {
  const file = `/run/${crypto.randomUUID()}.pcap`;
  const dump = start(peer, ["tcpdump", "-n", "-U", "--immediate-mode", "-i", "wan", "-w", file]);
  await until("tcpdump listens", async () => (await dump.output()).includes("listening on"));
  return async () => {
    await Bun.sleep(300); // the last packets may still be on their way into the file
    await dump.stop();
    const counts: number[] = [];
    for (const filter of filters) {
      const shown = await must(undefined, ["tcpdump", "-n", "-r", file, filter]);
      counts.push(shown.split("\n").filter((line) => line !== "").length);
    }
    return counts;
  };
}
