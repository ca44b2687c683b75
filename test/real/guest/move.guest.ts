/**
 * States that move to other addresses while a ping runs through them. The other end is set up with
 * `ip xfrm`: what it decrypts was encrypted with the keys and numbers that it expects.
 */

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { asEspSpi } from "../../../src/inet/esp-spi.ts";
import type { Kernel } from "../../../src/linux/xfrm-kernel.ts";
import type { XfrmPolicy } from "../../../src/xfrm/policy.ts";
import type { XfrmRequest } from "../../../src/xfrm/request.ts";
import type { XfrmState, XfrmStateId } from "../../../src/xfrm/state.ts";
import { realKernel } from "../../contract/linux-kernel.ts";
import { addressOf, OUR_REQID, policyLike, stateLike } from "../../contract/xfrm-samples.ts";
import { patient } from "../../patience.ts";
import { addHost, configure, type Host, must, start, until } from "./hosts.ts";
import { ping } from "./wire.ts";

const HERE = "192.0.2.1";
/** The peer has both: it moves from one to the other. */
const THERE = ["192.0.2.11", "192.0.2.12"] as const;
const INNER = { here: "10.0.0.1", there: "192.168.1.1" } as const;
const SPI_OUT = asEspSpi(0xc0ff_ee01);
const SPI_IN = asEspSpi(0xc0ff_ee02);
const MOVES = 60;
const PINGS = 1500;

let kernel: Kernel;
let peer: Host;

beforeAll(async () => {
  kernel = realKernel();
  peer = await addHost("peer");
  await configure(undefined, [
    "link set lo up",
    "link add wan type veth peer name wan netns peer",
    `addr add ${HERE}/24 dev wan`,
    `addr add ${INNER.here}/32 dev lo`,
    "link set wan up",
    `route add 192.168.1.0/24 via ${THERE[0]} src ${INNER.here}`,
  ]);
  await configure(peer, [
    ...THERE.map((address) => `addr add ${address}/24 dev wan`),
    `addr add ${INNER.there}/32 dev lo`,
    "link set wan up",
    `route add 10.0.0.0/16 via ${HERE} src ${INNER.there}`,
  ]);
});

afterEach(remove);

afterAll(() => kernel.close());

const PING_MS = 3;

const KINDS: readonly (readonly [string, Partial<XfrmState>, string])[] = [
  ["a window of 32", { esn: false, replayWindow: 32 }, "replay-window 32"],
  ["a window of 256", { esn: false, replayWindow: 256 }, "replay-window 256"],
  ["ESN", { esn: true, replayWindow: 128 }, "replay-window 128 flag esn"],
];

test.each(KINDS)("%s: states move under a ping, and no sequence number repeats", async (...of) => {
  const [, changes, words] = of;
  await startPeer(words);
  install(changes);
  const seen = await captureNumbers();
  const pinging = ping(undefined, INNER.there, { count: PINGS, intervalSeconds: PING_MS / 1_000 });
  let movingMs = 0;
  for (let i = 0; i < MOVES; i++) {
    await Bun.sleep(60);
    const began = performance.now();
    move(THERE[i % 2 === 0 ? 0 : 1], THERE[i % 2 === 0 ? 1 : 0]);
    movingMs += performance.now() - began;
  }
  const { sent, received } = await pinging;
  // Only packets sent while states move can be lost, and one at the moment of each move.
  expect(sent - received).toBeLessThanOrEqual(MOVES + movingMs / PING_MS);
  expect(await ping(undefined, INNER.there, { count: 3 })).toEqual({ sent: 3, received: 3 });
  const numbers = await seen();
  expect(numbers.length).toBeGreaterThanOrEqual(received);
  expect(new Set(numbers).size).toBe(numbers.length);
  const use = kernel.perform({ op: "query-state", id: idTo(THERE[0]) });
  const packets = use.ok ? Number(use.value?.packets) : 0;
  expect(packets).toBeGreaterThanOrEqual(received); // counted over all its places
});

test("a moved state is unchanged except for its addresses and sequence number", async () => {
  await startPeer("replay-window 32");
  install(LIMITED);
  const { id } = stateLike();
  const special = stateLike({ mark: MARK, ifId: 42, esn: true, replayWindow: 64 });
  demand({ op: "new-state", state: special });
  await ping(undefined, INNER.there);
  const before = await seenStates();
  move(THERE[0], THERE[1]);
  const to = { ...id, src: addressOf(THERE[1]) };
  demand({ op: "move-state", id, to, mark: MARK, encapsulation: { srcPort: 7, dstPort: 4500 } });
  const after = await seenStates();
  for (const part of ["if_id 0x2a", "mark 0x7/0xff", "oseq-hi", "hard 2000(packets)", "3(packets)"])
    expect(before).toContain(part);
  expect(after).toContain(THERE[1]);
  expect(after).toContain("espinudp sport 7 dport 4500");
  expect(withoutPlace(after)).toEqual(withoutPlace(before));
  demand({ op: "delete-state", id: to, mark: MARK });
});

test("a moved state ends when it would have ended", async () => {
  const { id } = stateLike();
  const hardSeconds = Math.ceil(patient(6_000) / 1_000);
  const lifetime = { ...LIMITED.lifetime, hardSeconds };
  const began = performance.now();
  demand({ op: "new-state", state: stateLike({ lifetime }) });
  await Bun.sleep(patient(4_000));
  const to = { ...id, src: addressOf("198.51.100.9") };
  demand({ op: "move-state", id, to, encapsulation: undefined });
  const gone = async (): Promise<boolean> => !kernel.perform({ op: "query-state", id: to }).ok;
  await until("the kernel has removed the state", gone);
  const seconds = (performance.now() - began) / 1000;
  expect(seconds).toBeGreaterThan(hardSeconds - 1.1); // the kernel counts whole seconds
  // If it were made without its age, it would live on for as long again as before the move.
  expect(seconds).toBeLessThan(hardSeconds + patient(3_000) / 1_000);
});

const MARK = { value: 7, mask: 0xff };

const LIMITED: Partial<XfrmState> & Pick<XfrmState, "lifetime"> = {
  lifetime: {
    ...{ softSeconds: undefined, hardSeconds: 3600 },
    ...{ softOctets: 1_000_000n, hardOctets: 2_000_000n },
    ...{ softPackets: 1_000n, hardPackets: 2_000n },
  },
};

/** The peer's states and policies; it decrypts at both of its addresses. */
async function startPeer(words: string): Promise<void> {
  const keys = `proto esp reqid 7 mode tunnel aead rfc4106(gcm(aes)) 0x${KEY} 128 ${words}`;
  const between = `src ${HERE} dst`;
  await configure(peer, [
    "xfrm state flush",
    "xfrm policy flush",
    ...THERE.map((there) => `xfrm state add ${between} ${there} spi ${SPI_OUT} ${keys}`),
    `xfrm state add src ${THERE[0]} dst ${HERE} spi ${SPI_IN} ${keys}`,
    `xfrm policy add src 192.168.1.0/24 dst 10.0.0.0/16 dir out ` +
      `tmpl src ${THERE[0]} dst ${HERE} proto esp reqid 7 mode tunnel`,
    // For an inbound template only the source counts.
    `xfrm policy add src 10.0.0.0/16 dst 192.168.1.0/24 dir in ` +
      `tmpl ${between} ${THERE[0]} proto esp reqid 7 mode tunnel`,
  ]);
}

/** The key of stateLike. */
const KEY = Array.from({ length: 20 }, (_, i) => (0x10 + i).toString(16)).join("");

/** Our states and policies, towards the peer's first address. */
function install(changes: Partial<XfrmState>): void {
  const out = { id: idTo(THERE[0]), direction: "out" } as const;
  demand({ op: "new-state", state: stateLike({ ...changes, id: idFrom(THERE[0]) }) });
  demand({ op: "new-state", state: stateLike({ ...changes, ...out }) });
  putPolicies(THERE[0]);
}

/** Both states and the policies that go with them. */
function move(from: string, to: string): void {
  const encapsulation = undefined;
  demand({ op: "move-state", id: idFrom(from), to: idFrom(to), encapsulation });
  demand({ op: "move-state", id: idTo(from), to: idTo(to), encapsulation });
  putPolicies(to);
}

function putPolicies(there: string): void {
  for (const policy of policies(there)) demand({ op: "put-policy", policy });
}

function remove(): void {
  for (const { id } of policies(THERE[0])) kernel.perform({ op: "delete-policy", id });
  for (const there of THERE) {
    kernel.perform({ op: "delete-state", id: idTo(there) });
    kernel.perform({ op: "delete-state", id: idFrom(there) });
  }
}

function policies(there: string): readonly [XfrmPolicy, XfrmPolicy] {
  const outward = policyLike({ src: "10.0.0.0/16", dst: "192.168.1.0/24" });
  const inward = policyLike({ src: "192.168.1.0/24", dst: "10.0.0.0/16" });
  const ends = { reqid: OUR_REQID, mode: "tunnel" } as const;
  const [here, far] = [addressOf(HERE), addressOf(there)];
  return [
    { ...outward, template: { src: here, dst: far, ...ends } },
    {
      ...inward,
      id: { ...inward.id, direction: "in" },
      template: { src: far, dst: here, ...ends },
    },
  ];
}

function idTo(there: string): XfrmStateId {
  return { src: addressOf(HERE), dst: addressOf(there), spi: SPI_OUT };
}

function idFrom(there: string): XfrmStateId {
  return { src: addressOf(there), dst: addressOf(HERE), spi: SPI_IN };
}

function demand(request: XfrmRequest): void {
  const result = kernel.perform(request);
  if (!result.ok) throw new Error(Bun.inspect(result.error));
}

/** From now on: the sequence numbers of what we send, as seen at the peer's interface. */
async function captureNumbers(): Promise<() => Promise<string[]>> {
  const filter = ["esp", "and", "src", HERE];
  const dump = start(peer, ["tcpdump", "-n", "-l", "--immediate-mode", "-i", "wan", ...filter]);
  await until("tcpdump listens", async () => (await dump.output()).includes("listening on"));
  return async () => {
    await Bun.sleep(300); // the last packets may still be on their way into the file
    await dump.stop();
    return [...(await dump.output()).matchAll(/ESP\(\S+seq=(0x[0-9a-f]+)\)/g)].map(
      (match) => match[1] ?? "",
    );
  };
}

/** All our states, in the order of their SPIs, with keys and counters. */
async function seenStates(): Promise<string> {
  const text = await must(undefined, ["ip", "-s", "-d", "xfrm", "state"]);
  const blocks = text.split(/\n(?=src )/);
  return blocks.sort((a, b) => spiIn(a).localeCompare(spiIn(b))).join("\n");
}

function spiIn(block: string): string {
  return /spi (0x\w+)/.exec(block)?.[1] ?? "";
}

/** What has to stay the same wherever a state is. */
function withoutPlace(text: string): string[] {
  return text
    .replace(/^src \S+ dst \S+/gm, "src dst")
    .replace(/^\s*encap type.*\n/gm, "")
    .replace(/^\s*lastused .*\n/gm, "") // nobody but the kernel sets it
    .replace(/oseq 0x[0-9a-f]+/g, "oseq")
    .split("\n");
}
